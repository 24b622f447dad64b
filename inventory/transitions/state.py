"""What a database is, as far as a change of it can be lawful or not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Tier(StrEnum):
    """Azure's service tiers; the first three are sold in DTUs, the others in vCores."""

    BASIC = "Basic"
    STANDARD = "Standard"
    PREMIUM = "Premium"
    GENERAL_PURPOSE = "GeneralPurpose"
    BUSINESS_CRITICAL = "BusinessCritical"
    HYPERSCALE = "Hyperscale"


REMOTE = frozenset({Tier.BASIC, Tier.STANDARD, Tier.GENERAL_PURPOSE})
"""Data on remote storage: compute changes without copying them (page: scale single database resources)."""
LOCAL = frozenset({Tier.PREMIUM, Tier.BUSINESS_CRITICAL})
"""Data on the disks of each replica: a change copies them."""
PAGES = frozenset({Tier.HYPERSCALE})
"""Data on page servers."""
NOT_HYPERSCALE = REMOTE | LOCAL


class Home(StrEnum):
    """Where its compute comes from: a pool's share, its own, or its own as load asks."""

    POOL = "pool"
    SINGLE = "single"
    SERVERLESS = "serverless"


class Backup(StrEnum):
    """Azure's backup storage redundancies."""

    LOCAL = "Local"
    ZONE = "Zone"
    GEO = "Geo"
    GEO_ZONE = "GeoZone"


ZONAL = frozenset({Backup.ZONE, Backup.GEO_ZONE})


class Encryption(StrEnum):
    """Who holds the key of its encryption at rest."""

    SERVICE_MANAGED = "service_managed"
    CUSTOMER_MANAGED = "customer_managed"


class Replication(StrEnum):
    """None, a geo-replica on another server, or that in a failover group."""

    NONE = "none"
    LINK = "link"
    FAILOVER_GROUP = "failover_group"


@dataclass(frozen=True, slots=True)
class State:
    """One database at rest."""

    tier: Tier
    home: Home
    zone_redundant: bool = False
    backup: Backup = Backup.GEO
    encryption: Encryption = Encryption.SERVICE_MANAGED
    replication: Replication = Replication.NONE

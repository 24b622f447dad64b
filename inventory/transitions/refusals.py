"""Why a database cannot be so, or cannot become so. Each refusal has a stable code, a sentence and its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from inventory.transitions.state import LOCAL, NOT_HYPERSCALE, ZONAL, Home, Replication, State, Tier

TIB, GIB = 2**40, 2**30
LARGEST_BYTES = {
    Tier.BASIC: 2 * GIB,
    Tier.STANDARD: TIB,
    Tier.PREMIUM: 4 * TIB,
    Tier.GENERAL_PURPOSE: 4 * TIB,
    Tier.BUSINESS_CRITICAL: 4 * TIB,
}
"""The most data that a database of the tier can hold (resource limits; Hyperscale: 128 TB)."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not. `source` names the document that says so; "ours" is an inference or choice of this product."""

    code: str
    message: str
    source: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the law looks at besides the state. `reversible_until`: set by a conversion to Hyperscale, 45 days after it."""

    used_bytes: int = 0
    has_in_memory_objects: bool = False
    reversible_until: datetime | None = None
    now: datetime | None = None
    geo_secondaries: int = 0
    is_geo_secondary: bool = False
    named_replicas: int = 0


Guard = Callable[[State, State, Circumstances], Refusal | None]


def not_offered(state: State) -> Refusal | None:
    """Why Azure sells no such database; None where it does."""
    if state.zone_redundant and state.tier in (Tier.BASIC, Tier.STANDARD):
        text = "Basic and Standard databases cannot be zone redundant."
        return Refusal("ZoneRedundancyNotOffered", text, "availability through redundancy")
    if state.tier is Tier.HYPERSCALE and state.zone_redundant and state.backup not in ZONAL:
        text = "A zone-redundant Hyperscale database needs backup storage of redundancy Zone or GeoZone."
        return Refusal("ZonalBackupsNeeded", text, "availability through redundancy")
    if state.home is Home.SERVERLESS and state.tier is not Tier.GENERAL_PURPOSE:
        return Refusal("ServerlessNotOffered", "Serverless compute is used in General Purpose only.", "ours")
    return None


def fits(before: State, after: State, at: Circumstances) -> Refusal | None:
    """A tier holds no more data than it may."""
    largest = LARGEST_BYTES.get(after.tier)
    if largest is not None and at.used_bytes > largest:
        text = f"Its data are larger than the {largest // GIB:,} GB that tier {after.tier} holds."
        return Refusal("DataTooLarge", text, "resource limits")
    return None


def no_in_memory_objects(before: State, after: State, at: Circumstances) -> Refusal | None:
    """Only Premium and Business Critical know them."""
    if at.has_in_memory_objects and after.tier not in LOCAL:
        text = "The database has memory-optimised objects; they have to be removed first."
        return Refusal("InMemoryObjects", text, "convert to Hyperscale: known limitations")
    return None


def not_from_basic(before: State, after: State, at: Circumstances) -> Refusal | None:
    if before.tier is Tier.BASIC:
        text = "A Basic database becomes Hyperscale only by way of another tier."
        return Refusal("NotFromBasic", text, "convert to Hyperscale: known limitations")
    return None


def same_zones_between_pools(before: State, after: State, at: Circumstances) -> Refusal | None:
    if before.home is after.home is Home.POOL and before.zone_redundant and not after.zone_redundant:
        text = "From a zone-redundant pool there is no direct way to a Hyperscale pool that is not."
        return Refusal("ZonePoolMismatch", text, "convert to Hyperscale: known limitations")
    return None


def not_a_secondary(before: State, after: State, at: Circumstances) -> Refusal | None:
    if at.is_geo_secondary:
        return Refusal("IsGeoSecondary", "The change starts at the geo-primary.", "convert to Hyperscale")
    return None


def one_secondary(before: State, after: State, at: Circumstances) -> Refusal | None:
    if at.geo_secondaries > 1:
        text = "A Hyperscale database has one geo-secondary at most."
        return Refusal("TooManyGeoSecondaries", text, "convert to Hyperscale: known limitations")
    return None


def within_45_days(before: State, after: State, at: Circumstances) -> Refusal | None:
    if at.reversible_until is None:
        text = "Only a database that was converted to Hyperscale can go back; this one was created there."
        return Refusal("NeverConverted", text, "reverse migrate from Hyperscale")
    if at.now is None or at.now > at.reversible_until:
        text = "The 45 days after its conversion, in which a Hyperscale database can go back, are over."
        return Refusal("ReverseDeadlinePassed", text, "reverse migrate from Hyperscale")
    return None


def alone(before: State, after: State, at: Circumstances) -> Refusal | None:
    if at.named_replicas:
        text = "The database has named replicas; they have to go first."
        return Refusal("NamedReplicas", text, "reverse migrate from Hyperscale")
    return None


def fixed_in_hyperscale(before: State, after: State, at: Circumstances) -> Refusal | None:
    """Said of steps that Azure does not know."""
    if before.zone_redundant != after.zone_redundant:
        text = "A Hyperscale database's zone redundancy is fixed at its creation, or when it is converted."
        return Refusal("ZoneRedundancyFixed", text, "availability through redundancy")
    text = "A Hyperscale database's backup redundancy is fixed at its creation; only a copy can have another."
    return Refusal("BackupRedundancyFixed", text, "automated backups")


def replicated_alike(before: State, after: State, at: Circumstances) -> Refusal | None:
    """Both ends of a link have the same tier: but for a conversion, it is changed only where there is no other end."""
    crosses = before.tier is not after.tier and before.tier in NOT_HYPERSCALE
    if crosses and before.replication is not Replication.NONE:
        text = "Both ends of a geo-replica have the same tier; remove the replica first."
        return Refusal("GeoReplicated", text, "active geo-replication")
    return None

"""Pure: what differs between a row and what a look showed of it. One difference a property; words of `normal`.

Only what we set at creation is compared. What Azure does not tell (None) is unknown, and no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cloud.changes import FirewallRule
from cloud.protocols import ObservedDatabase, ObservedPool, ObservedServer, Sku
from inventory.models import Database, ElasticPool, SqlServer
from provisioning.drift.normal import is_weaker_tls, same_sku, size_text
from provisioning.keys.naming import is_same_key, own_key
from provisioning.models import Finding

Kind, Severity = Finding.Kind, Finding.Severity
TLS_FLOOR = "1.2"
FIREWALL = "firewall:"
OWN_TAGS = ("deployment", "workspace", "service", "database", "pool", "server")
WELL = frozenset({"Online", "Creating", "Copying", "Restoring", "Recovering", "Scaling", "Resuming"})  # or on its way
EVERYBODY = ("0.0.0.0", "255.255.255.255")  # noqa: S104  # addresses of a rule, nothing is bound


@dataclass(frozen=True, slots=True)
class Difference:
    """One property of one resource. `expected` and `observed` are JSON."""

    target: str
    name: str
    kind: Finding.Kind
    attribute: str
    severity: Finding.Severity
    expected: Any = None
    observed: Any = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Protection:
    """What is asked database by database: days of point-in-time restore, encryption at rest. None: not told."""

    retention_days: int | None
    is_encrypted: bool | None


@dataclass(frozen=True, slots=True)
class ServerRules:
    """What settings demand of every server. Ranges are (first, last) IPv4 addresses."""

    public_access: bool
    firewall: tuple[tuple[str, str], ...]
    deployment: str


def database_differences(row: Database, seen: ObservedDatabase, deployment: str) -> Iterator[Difference]:
    """Place, size, backup storage, tags, and whether it can be used at all."""
    changed = _for(row, Kind.CHANGED)
    pool = row.pool.azure_name if row.pool else ""
    if seen.status not in WELL:
        yield changed("status", Severity.CRITICAL, "Online", seen.status)
    if seen.sku.tier and seen.sku.tier != row.service_tier:  # only a conversion leads back; nothing else is comparable
        yield changed("service_tier", Severity.CRITICAL, row.service_tier, seen.sku.tier)
        return
    if (seen.pool_name or "") != pool:
        yield changed("pool", Severity.HIGH, pool, seen.pool_name or "")
    if row.pool is None and row.vcores and not same_sku(_own_sku(row), seen.sku):
        yield changed("sku", Severity.HIGH, size_text(_own_sku(row)), size_text(seen.sku))
    if pool and seen.max_size_bytes not in (None, row.size_bytes):
        yield changed("max_size_bytes", Severity.MEDIUM, row.size_bytes, seen.max_size_bytes)
    yield from _key(row, seen)
    kept = {seen.backup_redundancy, seen.requested_backup_redundancy}
    if row.backup_redundancy not in kept and kept != {None}:
        yield changed("backup_redundancy", Severity.HIGH, row.backup_redundancy, seen.backup_redundancy)
    yield from _tags(row, seen.tags, database_tags(row, deployment))


def protection_differences(row: Database, seen: Protection) -> Iterator[Difference]:
    """A shorter restore window and missing encryption are less protection than was promised; a longer window costs."""
    days = seen.retention_days
    if days is not None and days != row.retention_days:
        shorter = days < row.retention_days
        found = _for(row, Kind.INSECURE if shorter else Kind.CHANGED)
        yield found("retention_days", Severity.HIGH if shorter else Severity.LOW, row.retention_days, days)
    if seen.is_encrypted is False:
        yield _for(row, Kind.INSECURE)("encryption", Severity.CRITICAL, True, False)


def pool_differences(row: ElasticPool, seen: ObservedPool, deployment: str) -> Iterator[Difference]:
    changed, wanted = _for(row, Kind.CHANGED), pool_sku(row)
    limits = [row.per_database_min_vcores, row.per_database_max_vcores]
    seen_limits = [seen.per_database_min_vcores, seen.per_database_max_vcores]
    if seen.state == "Disabled":
        yield changed("status", Severity.CRITICAL, "Ready", seen.state)
    if not same_sku(wanted, seen.sku):
        yield changed("sku", Severity.HIGH, size_text(wanted), size_text(seen.sku))
    if seen.max_size_bytes not in (None, row.max_size_bytes):
        yield changed("max_size_bytes", Severity.MEDIUM, row.max_size_bytes, seen.max_size_bytes)
    if None not in seen_limits and limits != seen_limits:
        yield changed("per_database_vcores", Severity.MEDIUM, limits, seen_limits)
    if seen.zone_redundant != row.is_zone_redundant:
        yield changed("zone_redundant", Severity.HIGH, row.is_zone_redundant, seen.zone_redundant)
    yield from _tags(row, seen.tags, pool_tags(row, deployment))


def server_differences(row: SqlServer, seen: ObservedServer, rules: ServerRules) -> Iterator[Difference]:
    insecure, changed = _for(row, Kind.INSECURE), _for(row, Kind.CHANGED)
    if is_weaker_tls(seen.minimal_tls_version, TLS_FLOOR):
        yield insecure("minimal_tls_version", Severity.HIGH, TLS_FLOOR, seen.minimal_tls_version or "")
    if seen.public_network_access is not None:
        is_open = seen.public_network_access == "Enabled"
        if is_open and not rules.public_access:
            yield insecure("public_network_access", Severity.CRITICAL, "Disabled", seen.public_network_access)
        if rules.public_access and not is_open:
            yield changed("public_network_access", Severity.CRITICAL, "Enabled", seen.public_network_access)
    if seen.entra_only != (row.auth_mode == "entra_only"):
        opened = row.auth_mode == "entra_only"
        found, severity = (insecure, Severity.HIGH) if opened else (changed, Severity.CRITICAL)
        yield found("auth_mode", severity, row.auth_mode, "sql" if opened else "entra_only")
    yield from _tags(row, seen.tags, server_tags(row, rules.deployment))


def firewall_differences(row: SqlServer, seen: Iterable[FirewallRule], rules: ServerRules) -> Iterator[Difference]:
    """Whoever else gets in is a danger; whoever is kept out is a change. Names of rules do not matter."""
    found = {(rule.first_ip, rule.last_ip): rule.name for rule in seen}
    for (first, last), name in found.items():
        if (first, last) not in rules.firewall:
            severity = Severity.CRITICAL if (first, last) == EVERYBODY else Severity.HIGH
            yield _for(row, Kind.INSECURE)(f"{FIREWALL}{name}", severity, None, f"{first}-{last}")
    for first, last in rules.firewall:
        if (first, last) not in found:
            yield _for(row, Kind.CHANGED)(f"{FIREWALL}{first}-{last}", Severity.HIGH, f"{first}-{last}", None)


def auditing_difference(row: SqlServer, *, is_on: bool | None) -> Iterator[Difference]:
    if is_on is False:
        yield _for(row, Kind.INSECURE)("auditing", Severity.CRITICAL, True, False)


def missing(row: Database | ElasticPool | SqlServer) -> Difference:
    """A complete listing lacks it."""
    return _for(row, Kind.MISSING)("", Severity.CRITICAL, "present", "absent")


def database_tags(row: Database, deployment: str) -> dict[str, str]:
    """The tags that say whose it is; the tag of the last operation is not among them."""
    service = row.service
    ids = {"workspace": service.workspace_id, "service": service.pk} if service else {}
    return {"deployment": deployment, **{name: str(value) for name, value in ids.items()}, "database": str(row.pk)}


def pool_tags(row: ElasticPool, deployment: str) -> dict[str, str]:
    return {"deployment": deployment, "pool": str(row.pk)}


def server_tags(row: SqlServer, deployment: str) -> dict[str, str]:
    return {"deployment": deployment, "server": str(row.pk)}


def pool_sku(row: ElasticPool) -> Sku:
    return Sku(row.sku_name, row.service_tier, row.family, row.vcores)


def _key(row: Database, seen: ObservedDatabase) -> Iterator[Difference]:
    """Less than the customer's key is a danger; a key that we never gave is a change."""
    wanted = own_key(row)
    if not is_same_key(wanted, seen.key):
        found, severity = (Kind.INSECURE, Severity.CRITICAL) if wanted else (Kind.CHANGED, Severity.HIGH)
        yield _for(row, found)("key", severity, row.key_uri, seen.key.uri if seen.key else "")


def _own_sku(row: Database) -> Sku:
    return Sku(row.sku_name, row.service_tier, "Gen5", row.vcores)


def _tags(
    row: Database | ElasticPool | SqlServer, seen: Mapping[str, str], wanted: Mapping[str, str]
) -> Iterator[Difference]:
    """Others may add tags of their own."""
    ours = {name: seen[name] for name in OWN_TAGS if name in seen}
    if any(ours.get(name) != value for name, value in wanted.items()):
        yield _for(row, Kind.CHANGED)("tags", Severity.LOW, dict(wanted), ours)


class _for:  # reads as a phrase
    """Differences of one row and kind."""

    def __init__(self, row: Database | ElasticPool | SqlServer, kind: Finding.Kind) -> None:
        self._row, self._kind = row, kind

    def __call__(self, attribute: str, severity: Finding.Severity, expected: Any, observed: Any) -> Difference:
        row = self._row
        return Difference(row.key, row.azure_name, self._kind, attribute, severity, expected, observed)

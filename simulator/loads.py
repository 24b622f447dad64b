"""What databases and pools really use: their workload held back by their own limits and by those of their pool.

A pool's history is that of its present members since their creation: who was in it before is not remembered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from simulator.arm.limits import EMPTY_BYTES, database_size, pool_size
from simulator.arm.resources import Resource, Resources
from simulator.kept import Kept
from simulator.store import Document, Store
from simulator.workload import (
    DAY,
    GIB,
    UTC_OFFSET_HOURS,
    Character,
    Floats,
    Minutes,
    character_of,
    stored_bytes,
    wanted_vcores,
)

if TYPE_CHECKING:
    from simulator.arm.arm import Arm

OVERRIDES = "workload"
POOLED_VCORES = 2.0  # what a pooled database's level is a share of, whatever its pool: moving it changes no demand
SESSIONS = 30_000.0
ALLOCATION = 16 * 1024**2
KEPT_POOLS, LARGEST_KEPT = 8, 30_000


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most that a database or pool can use. `storage_bytes` is 0 where there is no limit (Hyperscale)."""

    vcores: float
    log_mbps: float
    reads: float
    workers: float
    storage_bytes: float


@dataclass(frozen=True, slots=True)
class Usage:
    """One value a minute; NaN where the resource did not exist. `allocated` is the space of its files."""

    ceiling: Ceiling
    vcores: Floats
    log_mbps: Floats
    reads: Floats
    workers: Floats
    sessions: Floats
    storage: Floats
    allocated: Floats


@dataclass(frozen=True, slots=True)
class PoolUsage:
    """A pool and, by key, each of its databases."""

    whole: Usage
    members: dict[str, Usage]


class Loads:
    """The usage of any database or pool over one span of minutes.

    Pools that were worked out before are taken from `kept`, so that the databases of one pool may be asked for one by
    one; spans with more than LARGEST_KEPT values are not kept.
    """

    def __init__(
        self, resources: Resources, store: Store, *, seed: int, minutes: Minutes, kept: Kept[PoolUsage] | None = None
    ) -> None:
        self._resources = resources
        self._store = store
        self._seed = seed
        self.minutes = minutes
        self._kept = kept if kept is not None else Kept(KEPT_POOLS)
        self._latest: tuple[str, PoolUsage] | None = None

    def database(self, database: Resource) -> Usage:
        """Of a pooled database: what the pool lets it have."""
        pool = self._resources.get(database.properties.get("elasticPoolId") or "")
        if pool is None or pool.type != "elasticPools":
            return self._alone(database, _own_ceiling(database))
        member = self._shared(pool).members.get(database.key)
        return member or self._alone(database, _member_ceiling(pool))  # on its way into the pool

    def stored(self, database: Resource) -> Floats:
        """The bytes of its data, whatever its pool has room for."""
        character = character_of(self._seed, database.properties["databaseId"])
        return self._storage(database, character, self._store.get(OVERRIDES, database.properties["databaseId"]))

    def pool(self, pool: Resource) -> Usage:
        return self._shared(pool).whole

    def _shared(self, pool: Resource) -> PoolUsage:
        """Within one request nothing changes, so the latest pool needs no look at its members."""
        if self._latest and self._latest[0] == pool.key:
            return self._latest[1]
        databases = self._resources.children(pool.key, "databases")
        overrides = [self._store.get(OVERRIDES, database.properties["databaseId"]) for database in databases]
        key = (pool.key, int(self.minutes[0]), len(self.minutes)) if len(self.minutes) else None
        sources = (pool, *databases, *overrides)
        found = self._kept.get(key, sources)
        if found is None:
            found = self._worked_out(pool, databases)
            if len(databases) * len(self.minutes) <= LARGEST_KEPT:
                self._kept.put(key, sources, found)
        self._latest = (pool.key, found)
        return found

    def _worked_out(self, pool: Resource, databases: list[Resource]) -> PoolUsage:
        ceiling, each = _pool_ceiling(pool), _member_ceiling(pool)
        members = {database.key: self._alone(database, each) for database in databases}
        members = _held_back(members, ceiling)
        return PoolUsage(_summed(pool, members.values(), ceiling, self.minutes), members)

    def _alone(self, database: Resource, ceiling: Ceiling) -> Usage:
        """Within its own limits, before the pool is asked."""
        character = character_of(self._seed, database.properties["databaseId"])
        own = self._store.get(OVERRIDES, database.properties["databaseId"])
        vcores = wanted_vcores(
            character,
            nominal_vcores=POOLED_VCORES if database.properties.get("elasticPoolId") else ceiling.vcores,
            utc_offset_hours=UTC_OFFSET_HOURS.get(database.body["location"], 0.0),
            minutes=self.minutes,
        )
        storage = self._storage(database, character, own)
        vcores = _set(vcores, own, "cpu_vcores", self.minutes)
        born = _minute(database.properties["creationDate"])
        exists = np.where(self.minutes < born, np.nan, 1.0)
        return _usage(character, ceiling, np.minimum(vcores, ceiling.vcores) * exists, storage * exists)

    def _storage(self, database: Resource, character: Character, own: Document | None) -> Floats:
        limit = float(database.properties["maxSizeBytes"])
        storage = _stored(database, character, _changes(own), self.minutes)
        return np.minimum(storage, limit) if limit > 0 else storage


def _stored(database: Resource, character: Character, changes: list[Document], minutes: Minutes) -> Floats:
    """Bytes as the character has it, and as each change told from its first minute on."""
    age_days = np.maximum(minutes - _minute(database.properties["creationDate"]), 0) / DAY
    storage = stored_bytes(character, empty_bytes=_empty(database), age_days=age_days)
    for number, change in enumerate(changes):
        if "storage_gb" not in change and "growth_gb_per_day" not in change:
            continue
        begin = np.array([change["since"]], dtype=np.int64)
        known = "storage_gb" in change
        start = change["storage_gb"] * GIB if known else _stored(database, character, changes[:number], begin)[0]
        days = np.maximum(minutes - change["since"], 0) / DAY
        told = start + change.get("growth_gb_per_day", 0.0) * days * GIB
        storage = np.where(_during(change, minutes), told, storage)
    return storage


def loads_of(arm: Arm, minutes: Minutes) -> Loads:
    """The loads of a cloud's resources over these minutes."""
    return Loads(arm.resources, arm.store, seed=arm.load_seed, minutes=minutes, kept=arm.kept_loads)


def _empty(database: Resource) -> float:
    return float(database.inner.get("used_bytes", EMPTY_BYTES))


def _usage(character: Character, ceiling: Ceiling, vcores: Floats, storage: Floats) -> Usage:
    return Usage(
        ceiling=ceiling,
        vcores=vcores,
        log_mbps=np.minimum(vcores * character.log_mb_per_vcore, ceiling.log_mbps),
        reads=np.minimum(vcores * character.reads_per_vcore, ceiling.reads),
        workers=np.minimum(vcores * character.workers_per_vcore, ceiling.workers),
        sessions=np.rint(character.idle_sessions + vcores * 2 * character.workers_per_vcore),
        storage=storage,
        allocated=np.ceil(storage / ALLOCATION) * ALLOCATION,
    )


def _held_back(members: dict[str, Usage], ceiling: Ceiling) -> dict[str, Usage]:
    """Where the members want more than the pool has, each gets the same share of its wish."""
    if not members:
        return members
    shares = {
        name: _share([getattr(member, name) for member in members.values()], limit)
        for name, limit in (
            ("vcores", ceiling.vcores),
            ("log_mbps", ceiling.log_mbps),
            ("reads", ceiling.reads),
            ("workers", ceiling.workers),
            ("storage", ceiling.storage_bytes),
            ("allocated", ceiling.storage_bytes),
        )
    }
    return {key: _scaled(member, shares) for key, member in members.items()}


def _share(wishes: list[Floats], limit: float) -> Floats:
    total = np.nansum(wishes, axis=0)
    if not limit:
        return np.ones_like(total)
    share: Floats = np.minimum(1.0, limit / np.maximum(total, 1e-9))
    return share


def _scaled(usage: Usage, shares: dict[str, Floats]) -> Usage:
    return Usage(
        ceiling=usage.ceiling,
        sessions=usage.sessions,
        **{name: getattr(usage, name) * share for name, share in shares.items()},
    )


def _summed(pool: Resource, members: Iterable[Usage], ceiling: Ceiling, minutes: Minutes) -> Usage:
    exists = np.where(minutes < _minute(pool.properties["creationDate"]), np.nan, 1.0)
    everyone = list(members)
    sums = {name: np.zeros(len(minutes)) for name in _SUMMED}
    for name in sums if everyone else ():
        sums[name] = np.nansum([getattr(member, name) for member in everyone], axis=0)
    return Usage(ceiling=ceiling, **{name: total * exists for name, total in sums.items()})


_SUMMED = ("vcores", "log_mbps", "reads", "workers", "sessions", "storage", "allocated")


def _pool_ceiling(pool: Resource) -> Ceiling:
    size = pool_size(pool.body["sku"])
    vcores = size.capacity if size.unit == "vCores" else size.capacity / 100
    return _ceiling(size.tier, float(vcores), float(pool.properties.get("maxSizeBytes") or 0))


def _member_ceiling(pool: Resource) -> Ceiling:
    """Of each database in the pool: percentages are relative to the pool's per-database maximum."""
    size, whole = pool_size(pool.body["sku"]), _pool_ceiling(pool)
    most = float(pool.properties["perDatabaseSettings"]["maxCapacity"])
    part = most / size.capacity
    vcores = whole.vcores * part
    return Ceiling(vcores, whole.log_mbps * part, whole.reads * part, max(100.0 * vcores, 25.0), 0.0)


def _own_ceiling(database: Resource) -> Ceiling:
    storage = max(float(database.properties["maxSizeBytes"]), 0.0)
    if database.body["sku"]["name"] == "System":
        return _ceiling("GeneralPurpose", 1.0, storage)
    size = database_size({"name": database.properties["requestedServiceObjectiveName"]})
    vcores = size.capacity if size.is_vcore else size.capacity / 100
    return _ceiling(size.tier, float(vcores), storage)


def _ceiling(tier: str, vcores: float, storage_bytes: float) -> Ceiling:
    """Rates a vCore after Microsoft's pages on resource limits (Gen5; other hardware is not told apart)."""
    if tier == "Hyperscale":
        return Ceiling(vcores, 125.0, 4500 * vcores, 105 * vcores, 0.0)
    if tier in ("BusinessCritical", "Premium"):
        return Ceiling(vcores, min(15 * vcores, 120.0), 4500 * vcores, 105 * vcores, storage_bytes)
    return Ceiling(vcores, min(6 * vcores, 62.5), 700 * vcores, 105 * vcores, storage_bytes)


def _set(values: Floats, own: Document | None, name: str, minutes: Minutes) -> Floats:
    for change in _changes(own):
        if name in change:
            values = np.where(_during(change, minutes), change[name], values)
    return values


def _changes(own: Document | None) -> list[Document]:
    return own["changes"] if own else []


def _during(change: Document, minutes: Minutes) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    until = change.get("until")
    within: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = minutes >= change["since"]
    return within if until is None else within & (minutes < until)


def _minute(moment: str) -> int:
    """The first whole minute after an ISO moment."""
    return int(-(-datetime.fromisoformat(moment).timestamp() // 60))

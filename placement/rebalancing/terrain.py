"""Inventory, loads and history → what the engine relieves: one terrain for each set of pools that may exchange databases.

Azure moves a database between pools of its server with one drop of its connections; between servers it is another matter,
decided by hand. So pools exchange databases with others of the same server, tier and zone redundancy.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from django.db import connection

from inventory.models import Database, ElasticPool
from inventory.states import Status
from operations.models import Operation
from placement.borrowing import COLUMNS, Crowd, crowd_of, lenders_in, loads_of
from placement.engine.constraints import slots_of
from placement.engine.fleet import Mask
from placement.engine.load import Loads, brought_up_to_date
from placement.engine.policy import Policy
from placement.engine.rebalance.relief import Terrain
from placement.engine.usage import Floats
from placement.models import FoldMark, PlannedMove, PoolLoad, RebalancingRules
from placement.pool_loads import hours_until, level_of
from placement.snapshot import policy, risk

GIBIBYTE = 2**30
LAST_DAY = """
SELECT m.resource, avg(s.vcores) FROM placement_meter m JOIN placement_sample s ON s.meter_id = m.id
WHERE m.resource = ANY(%s) AND s.slot >= %s AND s.slot < %s AND s.vcores IS NOT NULL
GROUP BY m.resource HAVING count(*) >= 72
"""


@dataclass(frozen=True, slots=True)
class Ground:
    """One terrain, and which rows its positions stand for. Databases beyond `movers` are on their way here already."""

    pools: tuple[ElasticPool, ...]
    databases: tuple[Database, ...]
    loads: Loads
    terrain: Terrain


@dataclass(frozen=True, slots=True)
class History:
    """Who is left alone, and why: changing now, moved lately, put off; and from where each one came."""

    arriving: Mapping[UUID, UUID]
    changing: frozenset[UUID]
    resting: frozenset[UUID]
    came_from: Mapping[UUID, frozenset[UUID]]
    settling: frozenset[UUID]


def grounds(rules: RebalancingRules, now: datetime, *, hot_only: bool, placing: Policy | None = None) -> list[Ground]:
    """Every set of pools of the region with one to relieve: the hot ones or, asked by hand, all that are above their level.

    `placing`: another policy than the one that is set.
    """
    rule = placing or policy()
    rows = ElasticPool.objects.filter(server__region=rules.region_id, status=Status.READY)
    groups: dict[tuple[object, ...], list[ElasticPool]] = defaultdict(list)
    for pool in rows.select_related("server", "load").order_by("pk"):
        groups[pool.server_id, pool.service_tier, pool.is_zone_redundant].append(pool)
    past = history(rules, now)
    found = [
        _ground(pools, relieve, rules, past, rule)
        for pools in groups.values()
        if any(relieve := [_to_relieve(pool, rule, hot_only=hot_only) for pool in pools])
    ]
    return [ground for ground in found if ground is not None]


def _to_relieve(pool: ElasticPool, rule: Policy, *, hot_only: bool) -> bool:
    load = _load(pool)
    return load is not None and (load.is_hot if hot_only else load.peak > level_of(pool, rule))


def _load(pool: ElasticPool) -> PoolLoad | None:
    return getattr(pool, "load", None)


def history(rules: RebalancingRules, now: datetime) -> History:
    """What went before in the region, and what goes on."""
    moves = PlannedMove.objects.filter(plan__region=rules.region_id)
    done = moves.filter(state=PlannedMove.State.DONE)
    cooling = done.filter(ended_at__gt=now - timedelta(days=rules.cooldown_days))
    put_off = moves.filter(deferred_until__gt=now)
    settled = moves.filter(ended_at__gt=now - timedelta(hours=rules.settle_hours), begun_at__isnull=False)
    came_from: dict[UUID, set[UUID]] = defaultdict(set)
    back_since = now - timedelta(days=rules.no_return_days)
    for database, source in done.filter(ended_at__gt=back_since).values_list("database_id", "source_id"):
        came_from[database].add(source)
    arriving, changing = _changing()
    return History(
        arriving=arriving,
        changing=changing,
        resting=frozenset(cooling.values_list("database_id", flat=True))
        | frozenset(put_off.values_list("database_id", flat=True)),
        came_from={row: frozenset(pools) for row, pools in came_from.items()},
        settling=frozenset(pool for pair in settled.values_list("source_id", "target_id") for pool in pair),
    )


def _changing() -> tuple[dict[UUID, UUID], frozenset[UUID]]:
    """Databases that an operation works on, and the pools in which some of them hold room already."""
    active = Operation.objects.filter(target_key__startswith="database:").exclude(state__in=Operation.TERMINAL)
    arriving, changing = {}, set()
    for target, choices in active.values_list("target_key", "choices"):
        row = UUID(target.partition(":")[2])
        changing.add(row)
        room = choices.get("room")
        if room:
            arriving[row] = UUID(room["pool"])
    return arriving, frozenset(changing)


def _ground(
    pools: Sequence[ElasticPool], hot: Sequence[bool], rules: RebalancingRules, past: History, rule: Policy
) -> Ground | None:
    place = {pool.pk: number for number, pool in enumerate(pools)}
    standing = Database.objects.filter(pool__in=pools, holds_room=True).order_by("pk")
    databases = list(standing.select_related("service__workspace"))
    if not databases:
        return None
    guests = [row for row, pool in past.arriving.items() if pool in place]
    crowd = _crowd_with(databases, guests, past)
    loads = _up_to_date(crowd, loads_of(crowd, lenders_in(rules.region_id)).loads)
    where = np.array([place[pool] for pool in crowd.pools if pool is not None], dtype=np.int64)
    relieve = [is_hot and pool.pk not in past.settling for pool, is_hot in zip(pools, hot, strict=True)]
    terrain = Terrain(
        loads=loads,
        pool=where,
        sizes=_sizes(databases, len(crowd)),
        limits=_limits(pools, databases, rule),
        level=np.array([level_of(pool, rule) for pool in pools]),
        relieve=np.array(relieve, dtype=np.bool_),
        closed=np.array([_is_closed(pool, past) for pool in pools], dtype=np.bool_),
        movable=np.array([*(_may_move(row, past) for row in databases), *(False for _ in guests)], dtype=np.bool_),
        allowed=_allowed(databases, pools, past, rows=len(crowd)),
        cost=np.array([*(row.size_bytes / GIBIBYTE for row in databases), *(0.0 for _ in guests)]),
        risk=risk(),
    )
    return Ground(tuple(pools), tuple(databases), loads, terrain)


def _crowd_with(databases: Sequence[Database], guests: Sequence[UUID], past: History) -> Crowd:
    """Those who stand here, then those who are on their way here: these count at both ends and stay."""
    rows = [
        (
            *(row.pk, row.pool_id, row.service.workspace_id if row.service else None),
            *(row.service.kind if row.service else None, row.size_bytes, row.vcores_demanded),
        )
        for row in databases
    ]
    coming = Database.objects.filter(pk__in=guests).values_list(*COLUMNS)
    by_id = {row[0]: (row[0], past.arriving[row[0]], *row[2:]) for row in coming}
    return crowd_of([*rows, *(by_id[guest] for guest in guests if guest in by_id)])


def _up_to_date(crowd: Crowd, loads: Loads) -> Loads:
    """By what each used in the last day that is folded."""
    mark = FoldMark.objects.first()
    if mark is None:
        return loads
    since = mark.until - timedelta(days=1)
    with connection.cursor() as cursor:
        cursor.execute(LAST_DAY, [list(crowd.ids), since, mark.until])
        found = dict(cursor.fetchall())
    seen = np.array([found.get(row, np.nan) for row in crowd.ids])
    expected = loads.profile[:, hours_until(mark.until, since)].mean(axis=1)
    return brought_up_to_date(loads, seen=seen, expected=expected)


def _sizes(databases: Sequence[Database], rows: int) -> Floats:
    """Bytes, databases and vCores promised; guests are in the pools' counters already."""
    sizes = np.zeros((rows, 3))
    for number, row in enumerate(databases):
        sizes[number] = row.size_bytes, 1.0, row.vcores_demanded
    return sizes


def _limits(pools: Sequence[ElasticPool], databases: Sequence[Database], rule: Policy) -> Floats:
    """As `placement.engine.constraints` has them, less what is promised to others than those who stand here."""
    found = np.zeros((len(pools), 3))
    for number, pool in enumerate(pools):
        mine = [row for row in databases if row.pool_id == pool.pk]
        others = (
            pool.bytes_committed - sum(row.size_bytes for row in mine),
            pool.databases_committed - len(mine),
            pool.vcores_demanded - sum(row.vcores_demanded for row in mine),
        )
        slots = slots_of(pool.max_databases, pool.vcores, pool.per_database_min_vcores)
        storage = pool.max_size_bytes * (1 - rule.headroom_storage_fraction)
        found[number] = np.array((storage, slots, pool.vcores * rule.overcommit)) - np.maximum(others, 0.0)
    return found


def _is_closed(pool: ElasticPool, past: History) -> bool:
    return pool.is_cordoned or pool.server.is_cordoned or pool.pk in past.settling or _load(pool) is None


def _may_move(row: Database, past: History) -> bool:
    stays = past.changing | past.resting
    return row.status == Status.READY and row.stands_in_for_id is None and row.pk not in stays


def _allowed(databases: Sequence[Database], pools: Sequence[ElasticPool], past: History, *, rows: int) -> Mask:
    """[database, pool]: the pool's largest database, its most for one, and no way back."""
    largest = np.array([pool.max_size_bytes for pool in pools])
    most = np.array([pool.per_database_max_vcores for pool in pools])
    allowed = np.zeros((rows, len(pools)), dtype=np.bool_)
    for number, row in enumerate(databases):
        back = [pool.pk in past.came_from.get(row.pk, ()) for pool in pools]
        allowed[number] = (row.size_bytes <= largest) & (row.vcores_demanded <= most) & ~np.array(back)
    return allowed

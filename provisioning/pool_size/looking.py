"""Which pools have the wrong size: measured needs, what moves cannot relieve, and how long it has been quiet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Max

from inventory.models import Database, ElasticPool, Region
from inventory.states import Status
from operations.models import Operation
from placement.engine.catalogue import sizes_of
from placement.engine.pool_size import Advice, Condition, Habits, advised
from placement.engine.rebalance.relief import relieve
from placement.models import FoldMark, PoolLoad, RebalancingRules
from placement.rebalancing.terrain import grounds
from placement.snapshot import policy

HABITS = Habits()
SEEN_SHARE = 0.9  # of the quiet window's samples, below which it is not known
MOST = """
SELECT m.resource, max(s.vcores), count(*) FROM placement_meter m JOIN placement_sample s ON s.meter_id = m.id
WHERE m.kind = 'pool' AND m.resource = ANY(%(pools)s) AND s.vcores IS NOT NULL
    AND s.slot >= %(since)s AND s.slot < %(until)s GROUP BY m.resource
"""


def advice_in(region: Region, rules: RebalancingRules, now: datetime) -> dict[UUID, Advice]:
    """What is to become of pools of the region, by id; only of ready ones that were measured."""
    mark = FoldMark.objects.first()
    if mark is None:
        return {}
    rows = ElasticPool.objects.filter(server__region=region, status=Status.READY, load__isnull=False)
    pools = list(rows.select_related("load", "server"))
    most, changed, largest = most_of(pools, mark.until), _changed(pools), _largest(pools)
    pressed = _pressed(rules, now)
    found = {}
    for pool in pools:
        condition = Condition(
            vcores=pool.vcores,
            need=pool.load.peak,
            most=most.get(pool.pk),
            promised_vcores=pool.vcores_demanded,
            promised_bytes=pool.bytes_committed,
            databases=pool.databases_committed,
            largest=largest.get(pool.pk, 0.0),
            quiet_days=_days(mark.until, pool, pool.load, changed.get(pool.key)),
            is_pressed=pool.load.is_hot and pool.pk in pressed,
        )
        advice = advised(condition, sizes_of(pool.service_tier, pool.family), policy(), HABITS)
        if advice is not None:
            found[pool.pk] = advice
    return found


def most_of(pools: Iterable[ElasticPool], until: datetime) -> dict[UUID, float]:
    """The most vCores in five minutes of the quiet window, of pools whose window is known nearly whole."""
    since = until - timedelta(days=HABITS.quiet_days)
    enough = SEEN_SHARE * (until - since) / timedelta(minutes=5)
    with connection.cursor() as cursor:
        cursor.execute(MOST, {"pools": [pool.pk for pool in pools], "since": since, "until": until})
        return {resource: most for resource, most, count in cursor.fetchall() if count >= enough}


def _pressed(rules: RebalancingRules, now: datetime) -> set[UUID]:
    """Hot pools that stay above their level whatever moves within their server."""
    found = set()
    for ground in grounds(rules, now, hot_only=True):
        relief = relieve(ground.terrain, most_moves=rules.most_moves)
        found |= {ground.pools[pool].pk for pool, _ in relief.reasons}
    return found


def _days(until: datetime, pool: ElasticPool, load: PoolLoad, changed: datetime | None) -> float:
    """Days since anybody came or went, or its size changed, by the samples' clock."""
    since = max(filter(None, (pool.created_at, load.same_since, changed)))
    return max(0.0, (until - since) / timedelta(days=1))


def _changed(pools: Iterable[ElasticPool]) -> Mapping[str, datetime]:
    """When each pool's last operation was over."""
    rows = Operation.objects.filter(target_key__in=[pool.key for pool in pools], finished_at__isnull=False)
    return dict(rows.values_list("target_key").annotate(at=Max("finished_at")))


def _largest(pools: Iterable[ElasticPool]) -> dict[UUID, float]:
    rows = Database.objects.filter(pool__in=pools, holds_room=True)
    return dict(rows.values_list("pool_id").annotate(most=Max("vcores_demanded")))

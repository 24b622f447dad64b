"""Profiles → what each pool's databases need together, once a fold: decisions read one row a pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import structlog
from django.conf import settings
from django.db import connection, transaction

from inventory.models import ElasticPool
from operations.services import serialise
from placement.borrowing import Crowd, crowd_in, lenders_in, loads_of, packed
from placement.engine.load import Loads, brought_up_to_date
from placement.engine.policy import Policy
from placement.engine.rebalance.hysteresis import Marks, Mask, looked_again
from placement.engine.usage import HOURS, SMALL, Floats, Ints, PoolsLoad, variances
from placement.models import FoldMark, LoadClass, PoolLoad
from placement.sampling.slots import FIRST_MONDAY_HOURS, WEEK_HOURS, hour_of, slot_of
from placement.snapshot import PRESENT, risk

log = structlog.get_logger(__name__)

BATCH = 4096  # databases whose profiles are in memory at once: 22 MB
MARKS = Marks(high=1.0, low=0.9)  # of a pool's level
RECENT = timedelta(days=1)
# What pools themselves used of late, since somebody last came or went: all but the highest slots, and the mean.
RECENTLY = """
SELECT m.resource, percentile_cont(0.99) WITHIN GROUP (ORDER BY s.vcores), avg(s.vcores), min(s.slot)
FROM placement_meter m JOIN placement_sample s ON s.meter_id = m.id
LEFT JOIN placement_poolload l ON l.pool_id = m.resource
WHERE m.kind = 'pool' AND m.region = %(region)s AND s.vcores IS NOT NULL
    AND s.slot >= greatest(%(since)s, coalesce(l.same_since, %(since)s)) AND s.slot < %(until)s GROUP BY m.resource
"""


class Recent(NamedTuple):
    """vCores of a pool's last day, and since when they count."""

    most: float
    mean: float
    since: datetime


@dataclass(slots=True)
class Sums:
    """What is added up while databases pass by, some thousand at a time."""

    profile: Floats
    mean: Floats
    points: Floats
    variance: Floats
    class_profile: Floats
    class_square: Floats
    class_weight: Floats


def refresh_all() -> int:
    """Make the loads of every region's pools anew, if something was folded since. Returns how many pools."""
    mark = FoldMark.objects.first()
    if mark is None:
        return 0
    regions = ElasticPool.objects.filter(status__in=PRESENT).values_list("server__region", flat=True).distinct()
    return sum(refresh(region, mark.until) for region in sorted(regions))


@transaction.atomic
def refresh(region: str, folded_until: datetime) -> int:
    """Make the loads of a region's pools anew; once a fold. Returns how many pools."""
    serialise(f"pool-loads:{region}")
    pools = list(ElasticPool.objects.filter(server__region=region, status__in=PRESENT).order_by("pk"))
    former = PoolLoad.objects.filter(pool__in=pools).in_bulk()
    PoolLoad.objects.filter(pool__server__region=region).exclude(pool__in=pools).delete()
    if len(former) == len(pools) and all(row.made_at >= folded_until for row in former.values()):
        return 0
    crowd = crowd_in(region)
    place: dict[UUID | None, int] = {pool.pk: number for number, pool in enumerate(pools)}
    where = np.array([place.get(pool, -1) for pool in crowd.pools], dtype=np.int64)
    sums, classes = _summed(region, crowd, where, pools=len(pools))
    _store_pools(pools, former, sums, counts=np.bincount(where[where >= 0], minlength=len(pools)), at=folded_until)
    _store_classes(region, classes, sums)
    log.info("pool_loads.refreshed", region=region, pools=len(pools), databases=len(crowd))
    return len(pools)


def _summed(region: str, crowd: Crowd, where: Ints, *, pools: int) -> tuple[Sums, list[tuple[str, int]]]:
    lenders = lenders_in(region)
    classes = sorted(set(crowd.classes))
    number = {key: row for row, key in enumerate(classes)}
    chosen = np.array([number[key] for key in crowd.classes], dtype=np.int64)
    shape = (pools, HOURS), (len(classes), HOURS)
    sums = Sums(
        *(np.zeros(shape[0]), np.zeros(pools), np.zeros(pools), np.zeros(pools)),
        np.zeros(shape[1]),
        *(np.zeros(len(classes)), np.zeros(len(classes))),
    )
    alone = np.zeros(len(crowd))
    for first in range(0, len(crowd), BATCH):
        rows = range(first, min(first + BATCH, len(crowd)))
        found = loads_of(crowd.at(rows), lenders)
        part = slice(rows.start, rows.stop)
        alone[part] = found.loads.variance
        _add(sums, where[part], found.loads, found.points)
        _lend(sums, chosen[part], found.own, found.trust)
    inside = where >= 0
    sums.variance = variances(alone[inside], where[inside], crowd.workspace[inside], pools=pools, risk=risk())
    return sums, classes


def _add(sums: Sums, where: Ints, loads: Loads, points: Floats) -> None:
    inside = where >= 0
    np.add.at(sums.profile, where[inside], loads.profile[inside])
    np.add.at(sums.mean, where[inside], loads.mean[inside])
    np.add.at(sums.points, where[inside], points[inside])


def _lend(sums: Sums, chosen: Ints, own: Loads, trust: Floats) -> None:
    """Each adds to its class as much as it is known."""
    np.add.at(sums.class_profile, chosen, trust[:, None] * own.profile)
    np.add.at(sums.class_square, chosen, trust * (own.variance + own.mean**2))
    np.add.at(sums.class_weight, chosen, trust)


def _store_pools(
    pools: Sequence[ElasticPool], former: dict[UUID, PoolLoad], sums: Sums, *, counts: Ints, at: datetime
) -> None:
    if not pools:
        return
    recent = _recent(pools[0].server.region_id, at)
    same = [_same_since(pool, former.get(pool.pk), int(count), at) for pool, count in zip(pools, counts, strict=True)]
    known = [recent.get(pool.pk) if since != at else None for pool, since in zip(pools, same, strict=True)]
    _bring_up_to_date(sums, known, at)
    peaks = PoolsLoad(sums.profile, sums.mean, sums.variance).peaks(risk())
    seen = np.array([one.most if one else 0.0 for one in known])
    level = np.array([level_of(pool) for pool in pools])
    looks, hot = _looked(pools, former, np.minimum(peaks, seen) / level)  # the long view and the short one agree
    rows = [
        PoolLoad(
            **_summed_up(sums, n),
            pool=pool,
            peak=peaks[n],
            recent=seen[n] if known[n] else None,
            databases=int(counts[n]),
            same_since=same[n],
            points=sums.points[n] / max(int(counts[n]), 1),
            vcores_counted=pool.vcores_demanded,
            looks=int(looks[n]),
            is_hot=bool(hot[n]),
            made_at=at,
        )
        for n, pool in enumerate(pools)
    ]
    fields = [field.name for field in PoolLoad._meta.fields if field.name != "pool"]
    PoolLoad.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["pool"], update_fields=fields, batch_size=500
    )


def _same_since(pool: ElasticPool, row: PoolLoad | None, databases: int, at: datetime) -> datetime | None:
    """Since when its databases are the same ones, as far as their number and promises tell; None: as long as it is known."""
    if row is None:
        return None
    same = row.databases == databases and abs(row.vcores_counted - pool.vcores_demanded) < SMALL
    return row.same_since if same else at


def _bring_up_to_date(sums: Sums, known: Sequence[Recent | None], at: datetime) -> None:
    """A pool that uses more, or less, than the hours of its profile did: so will it tomorrow."""
    seen = np.array([one.mean if one else np.nan for one in known])
    expected = np.array(
        [sums.profile[n][hours_until(at, one.since)].mean() if one else 0.0 for n, one in enumerate(known)]
    )
    nobody = np.zeros(len(known), dtype=np.int64)
    found = brought_up_to_date(Loads(sums.mean, sums.variance, sums.profile, nobody), seen=seen, expected=expected)
    sums.profile, sums.mean = found.profile, found.mean


def hours_until(at: datetime, since: datetime) -> Ints:
    """Hours of the week from one moment to another, a day of them at most."""
    last = hour_of(slot_of(at))
    hours = np.arange(max(min(hour_of(slot_of(since)), last - 1), last - 24), last)
    return (hours + FIRST_MONDAY_HOURS) % WEEK_HOURS


def _summed_up(sums: Sums, row: int) -> dict[str, Any]:
    return {"profile": packed(sums.profile[row]), "mean": sums.mean[row], "variance": sums.variance[row]}


def _looked(pools: Sequence[ElasticPool], former: dict[UUID, PoolLoad], load: Floats) -> tuple[Ints, Mask]:
    kept = [former.get(pool.pk) for pool in pools]
    looks = np.array([row.looks if row else 0 for row in kept], dtype=np.int64)
    hot = np.array([row.is_hot if row else False for row in kept], dtype=np.bool_)
    return looked_again(looks, hot, load, MARKS)


def level_of(pool: ElasticPool, rule: Policy | None = None) -> float:
    """The vCores that a pool's databases shall stay below: its size less headroom, as it is set or as the rule has it."""
    headroom = rule.headroom_vcores_fraction if rule else settings.PLACEMENT_HEADROOM_VCORES
    return float(pool.vcores * (1 - headroom))


def _recent(region: str, at: datetime) -> dict[UUID, Recent]:
    with connection.cursor() as cursor:
        cursor.execute(RECENTLY, {"region": region, "since": at - RECENT, "until": at})
        return {row[0]: Recent(*row[1:]) for row in cursor.fetchall()}


def _store_classes(region: str, classes: Sequence[tuple[str, int]], sums: Sums) -> None:
    weight = np.maximum(sums.class_weight, 1e-9)
    profile = sums.class_profile / weight[:, None]
    variance = np.maximum(sums.class_square / weight - profile.mean(axis=1) ** 2, 0.0)
    rows = [
        LoadClass(
            region_id=region,
            kind=kind,
            size_class=size_class,
            databases=sums.class_weight[n],
            profile=packed(profile[n]),
            variance=variance[n],
        )
        for n, (kind, size_class) in enumerate(classes)
    ]
    LoadClass.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["region", "kind", "size_class"],
        update_fields=["databases", "profile", "variance"],
    )

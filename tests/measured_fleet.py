"""Databases whose loads are known: meters with profiles of the week, without asking anybody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np

from inventory.models import Database, ElasticPool
from placement.models import FoldMark, Meter, Profile
from placement.sampling import partitions
from placement.sampling.copying import Samples, store
from placement.sampling.moments import M2, MEAN, MOST, N
from placement.sampling.quantities import QUANTITIES
from placement.sampling.reading import CHUNK, PROFILED, pack
from placement.sampling.slots import WEEK_HOURS, slot_of

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
POINTS = 12.0 * 8  # eight weeks


def a_meter(row: Database | ElasticPool, *, region: str = "eastus") -> Meter:
    kind = "pool" if isinstance(row, ElasticPool) else "database"
    where = {"subscription_id": "s", "region": region, "arm_id": f"/{row.pk}", "family": "Gen5"}
    times = {"sampled_until": MONDAY, "due_at": MONDAY}
    limits = {"service_tier": "GeneralPurpose", "vcores": 8, "share": 0.5}
    return Meter.objects.get_or_create(resource=row.pk, defaults={"kind": kind, **where, **times, **limits})[0]


def measured(loads: Mapping[Database, float | np.ndarray], *, deviation: float = 0.0, points: float = POINTS) -> None:
    """Each uses so many vCores, always or by the hour of the week, give or take."""
    for row, vcores in loads.items():
        _write(a_meter(row), np.broadcast_to(np.asarray(vcores, dtype=np.float64), (WEEK_HOURS,)), deviation, points)


def folded(until: datetime = MONDAY) -> None:
    """Everything before was folded."""
    FoldMark.objects.update_or_create(defaults={"until": until})


def sampled(row: ElasticPool, vcores: np.ndarray, *, since: datetime) -> None:
    """What the pool itself used, a value each five minutes."""
    for day in range(len(vcores) // 288 + 1):
        partitions.ensure(since + timedelta(days=day))
    meter, slots = a_meter(row), slot_of(since) + np.arange(len(vcores))
    values = np.full((len(vcores), len(QUANTITIES)), np.nan)
    values[:, 0] = vcores
    store(Samples(slots, np.full(len(vcores), meter.pk), values), folded_until=slot_of(since + timedelta(days=99)))
    Meter.objects.filter(pk=meter.pk).update(sampled_until=since + timedelta(minutes=5 * len(vcores)))


def _write(meter: Meter, vcores: np.ndarray, deviation: float, points: float) -> None:
    for hour in range(WEEK_HOURS):
        row, _ = Profile.objects.get_or_create(
            metric=PROFILED.index("vcores"),
            chunk=meter.pk // CHUNK,
            week_hour=hour,
            defaults={"packed": pack(np.zeros((4, CHUNK)))},
        )
        moments = np.frombuffer(row.packed, "<f4").reshape(4, CHUNK).copy()
        moments[[N, MEAN, M2, MOST], meter.pk % CHUNK] = points, vcores[hour], points * deviation**2, vcores[hour]
        Profile.objects.filter(metric=row.metric, chunk=row.chunk, week_hour=hour).update(packed=pack(moments))

"""How much of a day a pool is expected to be above its level, and how much it was: forecasts that can be held to account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from django.db import connection, transaction
from django.db.models import Avg, Count, Sum

from placement.borrowing import unpacked
from placement.engine.usage import PoolsLoad
from placement.models import FoldMark, LoadForecast, PoolLoad
from placement.pool_loads import level_of

LEAST_SLOTS = 144  # half a day seen
KEPT = timedelta(days=90)
BANDS = (0.0, 0.001, 0.01, 0.05, 0.2, 1.0)
# What was seen of days that are over, of pools with a forecast for them.
OBSERVE = """
UPDATE placement_loadforecast f SET slots = seen.slots, observed_share = seen.above::float8 / seen.slots
FROM (
    SELECT g.id, count(*) AS slots, count(*) FILTER (WHERE s.vcores > g.level) AS above
    FROM placement_loadforecast g JOIN placement_meter m ON m.resource = g.pool_id
    JOIN placement_sample s ON s.meter_id = m.id AND s.vcores IS NOT NULL
        AND s.slot >= g.day::timestamp AT TIME ZONE 'UTC' AND s.slot < (g.day + 1)::timestamp AT TIME ZONE 'UTC'
    WHERE g.observed_share IS NULL AND g.day < %(today)s AND g.day >= %(today)s - 7
    GROUP BY g.id HAVING count(*) >= %(least)s
) seen WHERE seen.id = f.id
"""


def keep() -> None:
    """Write down what is expected of tomorrow, and what was seen of the days before."""
    mark = FoldMark.objects.first()
    if mark is None:
        return
    foretell(mark.until)
    observe(mark.until)
    LoadForecast.objects.filter(day__lt=(mark.until - KEPT).date()).delete()


def foretell(now: datetime) -> int:
    """The forecast of tomorrow for each pool that is measured; the last one made today stays. Returns how many."""
    rows = list(PoolLoad.objects.filter(points__gt=0).select_related("pool__server"))
    if not rows:
        return 0
    tomorrow = now.astimezone(UTC).date() + timedelta(days=1)
    hours = 24 * tomorrow.weekday() + np.arange(24)
    load = PoolsLoad(
        profile=np.array([unpacked(row.profile)[hours] for row in rows]),
        mean=np.array([row.mean for row in rows]),
        variance=np.array([row.variance for row in rows]),
    )
    level = np.array([level_of(row.pool) for row in rows])
    shares = load.shares_above(level)
    LoadForecast.objects.bulk_create(
        [
            LoadForecast(pool=row.pool, day=tomorrow, level=level[n], predicted_share=shares[n])
            for n, row in enumerate(rows)
        ],
        update_conflicts=True,
        unique_fields=["pool", "day"],
        update_fields=["level", "predicted_share"],
    )
    return len(rows)


@transaction.atomic
def observe(now: datetime) -> int:
    """Fill in what was seen of days that are over. Returns how many forecasts that was."""
    with connection.cursor() as cursor:
        cursor.execute(OBSERVE, {"today": now.astimezone(UTC).date(), "least": LEAST_SLOTS})
        return int(cursor.rowcount)


@dataclass(frozen=True, slots=True)
class Band:
    """Forecasts whose predicted share lay from `low` up to `high`: how many days of pools, what was said, what was seen."""

    low: float
    high: float
    days: int
    predicted: float
    observed: float


def calibration(pool_ids: Sequence[object] | None = None) -> list[Band]:
    """How forecasts compare with what came, by how much they foretold; bands without any are left out."""
    rows = LoadForecast.objects.filter(observed_share__isnull=False)
    if pool_ids is not None:
        rows = rows.filter(pool__in=list(pool_ids))
    found = []
    for low, high in zip((-1.0, *BANDS[:-1]), BANDS, strict=True):
        told = rows.filter(predicted_share__gt=low, predicted_share__lte=high).aggregate(
            days=Count("pk"), predicted=Avg("predicted_share"), observed=Sum("observed_share")
        )
        if told["days"]:
            share = told["observed"] / told["days"]
            found.append(Band(max(low, 0.0), high, told["days"], told["predicted"], share))
    return found

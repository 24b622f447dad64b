"""From samples to proposals: who will be full within weeks is told, with a size that would last; when days remain, loudly."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from functools import reduce
from itertools import groupby
from operator import add
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db.models import Max

from inventory.models import Database, ElasticPool
from provisioning.growth.proposals import Forecast, Whose, propose, withdraw_others
from provisioning.growth.sampling import SERVED
from provisioning.growth.trend import WINDOW_DAYS, Trend, trend_of
from provisioning.models import SizeSample

GIB = 2**30
STEP_BYTES = 64 * GIB  # proposals are round
LARGEST_POOL_BYTES = 4096 * GIB  # General Purpose, from 40 vCores on (elastic pool limits, 10/23/2023)


def watch_growth() -> int:
    """Bring the proposals up to date with all samples. Returns how many stand."""
    trends = dict(_trends())
    forecasts = [*_databases(trends), *_pools(trends)]
    near = [one for one in forecasts if one.days_left <= settings.GROWTH_AHEAD_DAYS]
    for one in near:
        propose(one)
    withdraw_others({one.whose.target for one in near})
    return len(near)


def _trends() -> Iterator[tuple[UUID, Trend]]:
    """Of every database that has samples enough, as of the newest day of all."""
    newest = SizeSample.objects.aggregate(day=Max("day"))["day"]
    if newest is None:
        return
    rows = SizeSample.objects.filter(day__gt=newest - timedelta(days=WINDOW_DAYS)).order_by("database_id", "day")
    for key, group in groupby(rows.values_list("database_id", "day", "used_bytes").iterator(), key=lambda row: row[0]):
        samples = list(group)
        days = np.array([day.toordinal() for _, day, _ in samples], dtype=np.float64)
        trend = trend_of(days, np.array([used for *_, used in samples], dtype=np.float64))
        if trend is not None:
            yield key, trend.on(newest.toordinal())


def _databases(trends: dict[UUID, Trend]) -> Iterator[Forecast]:
    rows = Database.objects.filter(pk__in=trends, status__in=SERVED, service__isnull=False)
    for row in rows.select_related("service__workspace"):
        single = row.service_tier == Database.Tier.HYPERSCALE
        limit = settings.HYPERSCALE_DATABASE_BYTES if single else row.size_bytes
        largest = settings.HYPERSCALE_DATABASE_BYTES
        assert row.service is not None, "the query asks for it"
        whose = Whose(row.key, row.azure_name, row.service.workspace.name, row.service.name)
        yield from _forecast(whose, trends[row.pk], limit, largest)


def _pools(trends: dict[UUID, Trend]) -> Iterator[Forecast]:
    """Where what the databases of a pool hold together reaches its limit."""
    members: dict[UUID, list[Trend]] = {}
    placed = Database.objects.filter(pk__in=trends, pool__isnull=False, status__in=SERVED)
    for key, pool in placed.values_list("pk", "pool_id"):
        members.setdefault(pool, []).append(trends[key])
    for pool, newcomer in _newcomers(trends, members):
        members[pool].append(newcomer)
    for row in ElasticPool.objects.filter(pk__in=members, status__in=SERVED):
        whose = Whose(row.key, row.azure_name)
        yield from _forecast(whose, reduce(add, members[row.pk]), row.max_size_bytes, LARGEST_POOL_BYTES)


def _newcomers(trends: dict[UUID, Trend], pools: Collection[UUID]) -> Iterator[tuple[UUID, Trend]]:
    """What has too few samples for a pace takes its room all the same: the most that was seen of it, which stands still."""
    rows = SizeSample.objects.filter(database__pool__in=pools, database__status__in=SERVED).exclude(database__in=trends)
    found = rows.values_list("database__pool_id", "database_id").annotate(most=Max("used_bytes"), day=Max("day"))
    for pool, _, most, day in found:
        yield pool, Trend(0.0, float(most), 0.0, day.toordinal())


def _forecast(whose: Whose, trend: Trend, limit: int, largest: int) -> Iterator[Forecast]:
    """Nothing for what is not going to be full."""
    left = trend.days_until(limit)
    if left is None:
        return
    lasts = trend.level + trend.swing + max(trend.per_day, 0.0) * settings.GROWTH_LASTS_DAYS
    steps = int(np.ceil(max(lasts, limit * 1.25) / STEP_BYTES))
    proposed = max(min(steps * STEP_BYTES, largest), limit)
    day = date.fromordinal(trend.last_day)
    yield Forecast(whose, limit, proposed, int(trend.level), int(trend.per_day), left, day)

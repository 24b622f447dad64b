"""How large each stock is to be: from what was asked for, how long one more takes, the goal, and what idle ones cost."""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import fmean, pvariance

from django.db.models import Count
from django.db.models.functions import TruncHour

from inventory.models import Database
from operations import clock
from placement.engine.stock import Arrivals, stock_size
from provisioning.changes.prices import Priced, monthly_cost
from provisioning.durations import expected_seconds
from provisioning.models import WarmStock
from provisioning.warm.making import sizes_of

LOOKED_AT = timedelta(days=28)
SIZED_EVERY = timedelta(minutes=10)
BEAT_SECONDS = 30.0  # until a claim is noticed
ONE_HOUR = timedelta(hours=1)


def size(stock: WarmStock) -> None:
    """Count anew how many are wanted; a stock shrinks by one a time, so that one quiet hour does not empty it."""
    now = clock.now()
    if stock.sized_at is not None and now - stock.sized_at < SIZED_EVERY:
        return
    arrivals, refill = arrivals_of(stock, now), expected_seconds("create_database") + BEAT_SECONDS
    each = cost_of_one(stock)
    most = _affordable(stock, each)
    found = stock_size(arrivals, refill_hours=refill / 3600, goal=stock.goal, least=min(stock.least, most), most=most)
    stock.wanted = max(found.count, min(stock.wanted - 1, most)) if stock.is_on else 0
    stock.sized_at = now
    stock.reason = {
        "arrivals_an_hour": round(arrivals.an_hour, 3),
        "dispersion": round(arrivals.dispersion, 2),
        "refill_seconds": round(refill),
        "served_share": round(found.served, 4),
        "bound_by": "budget" if found.bound_by == "most" and most < stock.most else found.bound_by,
        "monthly_cost_of_one": each,
    }
    stock.save(update_fields=["wanted", "sized_at", "reason"])


def arrivals_of(stock: WarmStock, now: datetime) -> Arrivals:
    """Wishes that this stock could have served: the busier of the last day and of this hour of the week in four weeks."""
    hours = _hourly(stock, now)
    last_day = fmean(hours[-24:])
    this_hour = fmean(hours[-168 * week + step] for week in range(1, 5) for step in range(3))
    mean = fmean(hours)
    return Arrivals(max(last_day, this_hour), pvariance(hours) / mean if mean else 1.0)


def cost_of_one(stock: WarmStock) -> float | None:
    """What one idle database takes of its pool, or costs by itself, a month; None where no price is known."""
    made, single = sizes_of(stock), stock.service_tier == Database.Tier.HYPERSCALE
    size_bytes = (
        0 if single else stock.size_bytes
    )  # Hyperscale bills what is used, and an empty one uses next to nothing
    taken = Priced(stock.service_tier, made.vcores or made.vcores_demanded, size_bytes)
    return monthly_cost(stock.region_id, [], [taken]).after


def _affordable(stock: WarmStock, each: float | None) -> int:
    if stock.monthly_budget is None or not each:
        return stock.most
    return min(stock.most, int(stock.monthly_budget / each))


def _hourly(stock: WarmStock, now: datetime) -> list[int]:
    """Numbers of the last four weeks' hours, the oldest first."""
    end = now.replace(minute=0, second=0, microsecond=0) + ONE_HOUR
    first = end - LOOKED_AT
    rows = Database.objects.filter(
        region=stock.region, service_tier=stock.service_tier, service__kind=stock.kind, stands_in_for=None
    ).filter(service__created_at__gte=first)
    counted = dict(rows.annotate(hour=TruncHour("service__created_at")).values_list("hour").annotate(n=Count("pk")))
    return [counted.get(first + step * ONE_HOUR, 0) for step in range(LOOKED_AT // ONE_HOUR)]

"""One pass over what is due: asked of Azure Monitor fifty at a time, stored some thousand rows at a time.

Nothing is remembered between passes but the rows: what a pass could not ask is still due in the next one.
"""

from __future__ import annotations

import time
from datetime import datetime

import structlog
from django.conf import settings

from cloud import factory
from cloud.errors import CloudError, Throttled
from operations import clock
from placement.models import Meter
from placement.sampling import meters, partitions
from placement.sampling.asking import Call, calls
from placement.sampling.harvest import Harvest, postpone
from placement.sampling.quantities import namespace_of
from placement.sampling.slots import closed_until
from placement.sampling.turns import DueMeter, Group, due_groups, due_meters, tending_is_due, turn

log = structlog.get_logger(__name__)

MOST_METERS = 1000  # looked up at once
FLUSH_ROWS = 10_000
NOT_ALLOWED = frozenset({"AuthorizationFailed", "Unauthorized", "Http401", "Http403"})  # Monitoring Reader is missing
PASS_SECONDS = 45.0  # below the soft limit of a task; the next beat goes on


def sample() -> int:
    """Ask for everything that is due, within the budget of calls. Returns how many samples were new."""
    until = time.monotonic() + PASS_SECONDS
    now = _present()
    if tending_is_due(now):
        meters.tend(now)
        partitions.ensure(now)
    return sum(_sample_group(group, now, until) for group in due_groups(now))


def _present() -> datetime:
    """Azure's time. It is ours, but for a simulated Azure whose hours are shorter: that one is asked."""
    if settings.AZURE_RATE_SCALE != 1:
        known = Meter.objects.filter(ended_at__isnull=True).order_by("-sampled_until").first()
        if known is not None:
            return _azures_time(known)
    return clock.database_now()


def _azures_time(known: Meter) -> datetime:
    """As Azure says; while it says nothing, as far as it was asked: then nothing is due."""
    try:
        return factory.metrics().present(known.region, namespace_of(known.kind), known.arm_id)
    except CloudError as error:
        log.warning("sampling.time_unknown", region=known.region, code=error.code)
        return known.sampled_until


def _sample_group(group: Group, now: datetime, until: float) -> int:
    """Until nothing of it is due, the budget is spent or the time is over."""
    stored = 0
    with turn(group) as mine:
        while mine and time.monotonic() < until:
            due = due_meters(group, now, most=MOST_METERS)
            stored_now, go_on = _ask(group, due, now, until)
            stored += stored_now
            if not due or not go_on:
                break
        if mine and group.kind == Meter.Kind.POOL:
            _note_hot(group, now)
    return stored


def _ask(group: Group, due: list[DueMeter], now: datetime, until: float) -> tuple[int, bool]:
    """How many samples were stored, and whether it is worth while to go on."""
    closed = closed_until(now, lag_seconds=settings.SAMPLING_LAG_SECONDS)
    harvest = Harvest(now=now, closed=closed, lag_seconds=settings.SAMPLING_LAG_SECONDS)
    stored, go_on = 0, True
    for call in calls(due, closed=closed):
        go_on = time.monotonic() < until and _answered(call, harvest)
        if not go_on:
            break
        if len(harvest) >= FLUSH_ROWS:
            stored += harvest.flush()
    return stored + harvest.flush(), go_on


def _answered(call: Call, harvest: Harvest) -> bool:
    """False where nobody may ask for a while. What Azure refuses is asked again in halves, to find out for whom."""
    try:
        harvest.add(call, factory.metrics().averages(call.question()))
    except Throttled as throttled:
        log.info("sampling.throttled", region=call.region, code=throttled.code, retry_after=throttled.retry_after)
        return False
    except CloudError as error:
        return _refused(call, error, harvest)
    return True


def _refused(call: Call, error: CloudError, harvest: Harvest) -> bool:
    """Where Azure is away, or we may not ask, the rest of the group waits for the next pass: others get their turn."""
    hopeless = error.transient or error.code in NOT_ALLOWED
    if hopeless or len(call.meters) == 1:
        log.warning("sampling.not_answered", region=call.region, meters=len(call.meters), code=error.code)
        postpone(call.meters, now=harvest.now)
        return not hopeless
    return all(_answered(half, harvest) for half in call.halves())


def _note_hot(group: Group, now: datetime) -> None:
    changed = meters.note_hot_pools(
        group.subscription_id,
        group.region,
        now=now,
        hot_percent=settings.SAMPLING_HOT_PERCENT,
        calm_percent=settings.SAMPLING_CALM_PERCENT,
    )
    if changed:
        log.info("sampling.hot_pools_changed", region=group.region, pools=changed)

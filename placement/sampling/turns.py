"""One asker for the pools, or the databases, of a subscription and region: a lease by PostgreSQL's clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid4

from django.db import connection
from django.db.models import F, Min, Q

from operations import clock
from placement.models import Meter, SamplingTurn

TEND_EVERY = timedelta(minutes=30)
LEASE = timedelta(seconds=120)  # longer than a pass may work


@dataclass(frozen=True, slots=True)
class Group:
    """Meters that may be asked for together."""

    subscription_id: str
    region: str
    kind: str


def due_groups(now: datetime) -> list[Group]:
    """Those with anything due; pools first, then the longest due."""
    live = Meter.objects.filter(ended_at__isnull=True, due_at__lte=now)
    rows = live.values_list("subscription_id", "region", "kind").annotate(oldest=Min("due_at"))
    return [Group(*row[:3]) for row in rows.order_by(F("kind").desc(), "oldest")]


class DueMeter(NamedTuple):
    """What a call needs to know of a meter; slots instead of moments, None where there is none."""

    id: int
    kind: str
    region: str
    arm_id: str
    service_tier: str
    family: str
    vcores: float
    share: float
    every_slots: int
    sampled_until: int
    gap_since: int | None
    began: bool


DUE = """
SELECT id, kind, region, arm_id, service_tier, family, vcores, share, every_seconds / 300,
    extract(epoch FROM sampled_until)::bigint / 300, extract(epoch FROM gap_since)::bigint / 300, first_at IS NOT NULL
FROM placement_meter
WHERE subscription_id = %s AND region = %s AND kind = %s AND ended_at IS NULL AND due_at <= %s
ORDER BY due_at, id LIMIT %s
"""


def due_meters(group: Group, now: datetime, *, most: int) -> list[DueMeter]:
    """Those of a group that are due, the longest due first."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, [group.subscription_id, group.region, group.kind, now, most])
        return [DueMeter(*row) for row in cursor.fetchall()]


def tending_is_due(now: datetime) -> bool:
    """True for one caller in half an hour of Azure's time. What is new waits so long, and loses nothing by it: its
    first look goes an hour back."""
    SamplingTurn.objects.get_or_create(subscription_id="", region="", kind="tend")
    due = Q(done_at__isnull=True) | Q(done_at__lte=now - TEND_EVERY) | Q(done_at__gt=now)
    return bool(SamplingTurn.objects.filter(due, kind="tend").update(done_at=now))


@contextmanager
def turn(group: Group) -> Iterator[bool]:
    """False where another has it; it is given back at the end, or runs out."""
    token = uuid4()
    mine = _take(group, token)
    try:
        yield mine
    finally:
        SamplingTurn.objects.filter(token=token).update(token=None, lease_until=None)


def _take(group: Group, token: UUID) -> bool:
    turns = SamplingTurn.objects.filter(subscription_id=group.subscription_id, region=group.region, kind=group.kind)
    now = clock.database_now()
    free = turns.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=now))
    if free.update(token=token, lease_until=now + LEASE):
        return True
    _, is_new = SamplingTurn.objects.get_or_create(
        subscription_id=group.subscription_id, region=group.region, kind=group.kind
    )
    return is_new and bool(free.update(token=token, lease_until=now + LEASE))

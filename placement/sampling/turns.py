"""One asker for the pools, or the databases, of a subscription and region: a lease by PostgreSQL's clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db.models import F, Min, Q

from operations import clock
from placement.models import Meter, SamplingTurn

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
    SamplingTurn.objects.get_or_create(subscription_id=group.subscription_id, region=group.region, kind=group.kind)
    now = clock.database_now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    return bool(
        SamplingTurn.objects.filter(
            free, subscription_id=group.subscription_id, region=group.region, kind=group.kind
        ).update(token=token, lease_until=now + LEASE)
    )

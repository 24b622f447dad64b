"""What a change may have to wait for: windows, freezes of the fleet, and others in its way."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from uuid import uuid4

from django.db import transaction

from inventory.models import Workspace
from operations import clock, locks
from operations.locks import Lock, Mode
from operations.models import Operation
from operations.services import submit
from provisioning.maintenance import FreezeWish, MaintenanceWish, WindowWish, define_maintenance
from tests.local_azure import LocalAzure, work

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def both_clocks(azure: LocalAzure, amount: timedelta) -> None:
    """Time passes for Azure, for leases and for windows alike."""
    clock.advance(amount, business=True)
    azure.pass_time(amount.total_seconds())


def work_a_while(azure: LocalAzure, *, rounds: int = 40, seconds: float = 20) -> None:
    for _ in range(rounds):
        work()
        azure.pass_time(seconds)


def seen(operation: Operation) -> Operation:
    operation.refresh_from_db()
    return operation


def freeze_fleet(span: timedelta) -> None:
    """From now on nobody may be disturbed for so long."""
    freeze = FreezeWish(clock.now() - MINUTE, clock.now() + span, "incident")
    define_maintenance(None, MaintenanceWish(frozenset(), frozenset({freeze})), actor="operator")


def open_once(place: Workspace, wait: timedelta, *, minutes: int = 60) -> datetime:
    """Once a week its owner may be disturbed; the next time is told."""
    at = (clock.now() + wait).astimezone(UTC).replace(second=0, microsecond=0)
    window = WindowWish(at.weekday(), time(at.hour, at.minute), minutes, "UTC")
    define_maintenance(place, MaintenanceWish(frozenset({window})), actor="owner")
    return at


def in_the_way(key: str) -> Operation:
    """Another operation holds this alone, for as long as we like."""
    with transaction.atomic():
        other = submit("resize_pool", target=f"pool:{uuid4()}", actor="tests", wish={})
        Operation.objects.filter(pk=other.pk).update(due_at=clock.database_now() + 300 * DAY)
        assert locks.request(other, [Lock(key, Mode.EXCLUSIVE, "in the way")])
    return other


def out_of_the_way(other: Operation) -> None:
    """It is gone, and whoever stood behind it is due."""
    with transaction.atomic():
        locks.release(other)
    Operation.objects.filter(pk=other.pk).delete()

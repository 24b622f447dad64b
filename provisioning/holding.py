"""Keeping servers and pools as they are while an operation works below them."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db.models.functions import Least

from inventory.models import SqlServer
from operations import locks
from operations.clock import DatabaseNow
from operations.models import Operation
from operations.outcomes import Next, Outcome, Wait


def hold(operation: Operation, server: SqlServer, wanted: Sequence[locks.Lock]) -> Outcome:
    """Go on once all locks are held; from then on the server is looked at often."""
    outcome = stand_in_line(operation, wanted)
    if isinstance(outcome, Next):
        now = DatabaseNow()
        SqlServer.objects.filter(pk=server.pk).update(observe_due_at=Least("observe_due_at", now), stirred_at=now)
    return outcome


def let_go(operation: Operation, outcome: Outcome) -> Outcome:
    """Who waits for another window keeps nobody else from what it held; it stands in line again after that."""
    if isinstance(outcome, Wait):
        locks.release(operation)
    return outcome


def stand_in_line(operation: Operation, wanted: Sequence[locks.Lock]) -> Outcome:
    """Go on once all locks are held."""
    if not locks.request(operation, wanted):
        waits_for = operation.locks.filter(granted_at__isnull=True).order_by("resource_key").first()
        assert waits_for is not None
        key = waits_for.resource_key
        return Wait(settings.LOOK_AGAIN_SECONDS, on=locks.lock_key(key), reason=f"Waits for {key}.")
    return Next()

"""Keeping servers and pools as they are while an operation works below them."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db.models.functions import Least

from inventory.models import Database, SqlServer
from operations import locks
from operations.clock import DatabaseNow
from operations.locks import Lock, Mode
from operations.models import Operation
from operations.outcomes import Next, Outcome, Wait
from provisioning.targets import database_of, server_row_of, stand_in_of


def hold(operation: Operation, server: SqlServer, wanted: Sequence[Lock]) -> Outcome:
    """Go on once all locks are held; from then on the server is looked at often."""
    outcome = stand_in_line(operation, wanted)
    if isinstance(outcome, Next):
        now = DatabaseNow()
        SqlServer.objects.filter(pk=server.pk).update(observe_due_at=Least("observe_due_at", now), stirred_at=now)
    return outcome


def hold_both(operation: Operation, reason: str) -> Outcome:
    """Go on once the places of a database and of its stand-in, on one server, are held as they are."""
    database, stand_in = database_of(operation), stand_in_of(operation)
    wanted = {lock for row in (database, stand_in) for lock in place_locks(row, reason)}
    return hold(operation, server_row_of(database), sorted(wanted))


def place_locks(database: Database, reason: str) -> list[Lock]:
    """Shared locks on what a database stands in: resizing, repairing and deleting have to wait."""
    keys = [server_row_of(database).key, *([database.pool.key] if database.pool else [])]
    return [Lock(key, Mode.SHARED, reason) for key in keys]


def let_go(operation: Operation, outcome: Outcome) -> Outcome:
    """Who waits for a window, or for somebody's word, keeps nobody else from what it held; it stands in line again after
    that. The room that it has taken stays taken, so no place goes away meanwhile."""
    if isinstance(outcome, Wait):
        locks.release(operation)
    return outcome


def stand_in_line(operation: Operation, wanted: Sequence[Lock]) -> Outcome:
    """Go on once all locks are held."""
    if not locks.request(operation, wanted):
        waits_for = operation.locks.filter(granted_at__isnull=True).order_by("resource_key").first()
        assert waits_for is not None
        key = waits_for.resource_key
        return Wait(settings.LOOK_AGAIN_SECONDS, on=locks.lock_key(key), reason=f"Waits for {key}.")
    return Next()

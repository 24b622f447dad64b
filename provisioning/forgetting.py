"""When a deleted service's grace time is over, its secrets are forgotten: by an operation of its own, never beside a restore.

Only one operation changes a database at a time, and both are submitted while its row is held: a restore that was asked for in
time keeps the secrets, and one that comes later is refused with the date.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from inventory.models import Database
from inventory.states import Status
from operations import clock
from operations.models import Operation, Priority
from operations.services import active_operation, submit
from provisioning.restore_sources import sources_of

KIND = "forget_database"
FORGETTER = "system:schedule"
AT_ONCE = 100
PAUSE_AFTER_FAILURE = timedelta(days=1)


def request_due() -> int:
    """Begin to forget what nobody can bring back any more, longest overdue first. Returns how many."""
    due = due_databases(clock.now()).order_by("deleted_at").values_list("pk", flat=True)[:AT_ONCE]
    return sum(request_forgetting(pk) is not None for pk in list(due))


@transaction.atomic
def request_forgetting(pk: UUID, *, actor: str = FORGETTER) -> Operation | None:
    """Forget this one, if it is still due and nothing else works on it."""
    database = Database.objects.select_for_update(of=("self",)).get(pk=pk)
    if active_operation(database.key) is not None or not is_due(database, clock.now()):
        return None
    return submit(KIND, target=database.key, actor=actor, workspace=_owner(database), priority=Priority.REPAIR)


def _owner(database: Database) -> str:
    """Nobody's once the workspace is removed: its name may have another holder by now, who is not to hear of this."""
    place = database.service.workspace if database.service else None
    return place.name if place is not None and place.deleted_at is None else ""


def is_due(database: Database, now: datetime) -> bool:
    """Deleted, and Azure keeps no backup from which it could come back: neither its own nor of what it replaced."""
    if database.status != Status.DELETED or database.forgotten_at is not None or database.stands_in_for_id is not None:
        return False
    unfinished = database.stand_ins.exclude(status=Status.DELETED).exists()
    return not unfinished and not any(sources_of(database, now))


def due_databases(now: datetime) -> QuerySet[Database]:
    """Those that `is_due` may hold for, without what is at work or was given up lately."""
    passed = Q(restorable_until__isnull=True) | Q(restorable_until__lte=now)
    others = Database.objects.filter(stands_in_for=OuterRef("pk"))
    holding = others.filter(~Q(status=Status.DELETED) | Q(ready_at__isnull=False, restorable_until__gt=now))
    mine = Operation.objects.filter(target_key=Concat(Value("database:"), Cast(OuterRef("pk"), CharField())))
    busy = mine.exclude(state__in=Operation.TERMINAL)
    given_up = mine.filter(kind=KIND, created_at__gt=clock.database_now() - PAUSE_AFTER_FAILURE)
    gone = Database.objects.filter(passed, status=Status.DELETED, forgotten_at=None, stands_in_for=None)
    return gone.filter(~Exists(holding), ~Exists(busy), ~Exists(given_up))


def grace_end(database: Database) -> datetime | None:
    """When the last backup ends from which a deleted service could come back, and so its secrets are forgotten."""
    rows = [database, *database.stand_ins.filter(ready_at__isnull=False)]
    return max((row.restorable_until for row in rows if row.restorable_until), default=database.deleted_at)

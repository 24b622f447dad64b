"""What the schedule asks for: rotations that are due, within their windows and the platform's limits; never two of one."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from inventory.calendar import Span
from inventory.calendars import freezes_by_workspace
from inventory.models import Database
from inventory.states import Status
from operations import clock
from operations.errors import OperationInProgress
from operations.models import Operation
from rotation.emergency import open_over
from rotation.holding import LEAVING, is_entra_only
from rotation.models import KEY, Credential
from rotation.names import purpose_of
from rotation.schedule import policy_of, start_at
from rotation.services import request_emergency_rotation, request_retirement, request_rotation

SCHEDULER = "system:schedule"
LARGEST_BATCH = 200


def request_due() -> int:
    """Begin what is due, longest overdue first, while fewer than the allowed number are at work. Returns how many.

    A database that fails, or waits for a human, takes nobody's place: only work in progress is counted.
    """
    now = clock.now()
    for credential in left_overlapping(now)[:LARGEST_BATCH]:
        with contextlib.suppress(OperationInProgress):
            request_retirement(credential.database, actor=SCHEDULER, purpose=purpose_of(credential.slot))
    begun, room = 0, settings.ROTATION_CONCURRENCY - rotations_at_work()
    freezes = freezes_by_workspace(now)
    for credential in due_credentials(now)[: LARGEST_BATCH if room > 0 else 0]:
        if begun < room and _may_begin(credential, now, freezes):
            with contextlib.suppress(OperationInProgress):
                _begin(credential)
                begun += 1
    return begun


def due_credentials(now: datetime) -> QuerySet[Credential]:
    """Active credentials whose time has come and on which nothing is at work, longest overdue first."""
    return _idle().filter(status=Credential.Status.ACTIVE, rotate_after__lte=now).order_by("rotate_after", "pk")


def left_overlapping(now: datetime) -> QuerySet[Credential]:
    """Old users whose overlap is over and whom nothing retires: a retirement was given up."""
    return _idle().filter(status=Credential.Status.OVERLAPPING, retire_by__lte=now).order_by("retire_by", "pk")


def rotations_at_work() -> int:
    working = (Operation.State.QUEUED, Operation.State.RUNNING)
    held_up = Q(waits_on__startswith="lock:") | Q(error_code__startswith="Sql")  # by its own database alone
    rows = Operation.objects.filter(kind="rotate_credential", state__in=working, attempt=0)
    return rows.exclude(held_up).count()


def _idle() -> QuerySet[Credential]:
    busy = Operation.objects.filter(target_key=OuterRef("target_key")).exclude(state__in=Operation.TERMINAL)
    present = Q(database__status__in=(Status.READY, Status.UPDATING, Status.FAILED)) & ~LEAVING
    idle = Credential.objects.annotate(target_key=KEY).filter(present, ~Exists(busy))
    rows: QuerySet[Credential] = idle.select_related("database__service__workspace", "database__server")
    return rows


def _begin(credential: Credential) -> None:
    """Renew it; without an overlap where an emergency is not over, since the old user may be known."""
    database, purpose = credential.database, purpose_of(credential.slot)
    emergency = open_over(database)
    if emergency is None or is_entra_only(database):
        request_rotation(database, actor=SCHEDULER, reason="due by policy", purpose=purpose)
    else:
        reason = emergency.input["reason"]
        request_emergency_rotation(database, actor=SCHEDULER, reason=reason, parent=emergency, purpose=purpose)


def _may_begin(credential: Credential, now: datetime, freezes: Mapping[UUID | None, Sequence[Span]]) -> bool:
    """False outside its window, and in a freeze: it is put off to its place in the next one."""
    assert credential.promoted_at is not None, "an active one has it"
    database: Database = credential.database
    theirs = freezes.get(database.service.workspace_id, ()) if database.service else ()
    frozen = [*freezes.get(None, ()), *theirs]
    start = start_at(database.pk, now, policy_of(database), promoted_at=credential.promoted_at, freezes=frozen)
    if start <= now:
        return True
    Credential.objects.filter(pk=credential.pk, rotate_after=credential.rotate_after).update(rotate_after=start)
    return False

"""The secrets by which receivers know that a webhook comes from us: when they are due, and what is written down about them."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from inventory.models import Workspace
from notifications.errors import NotAWebhook
from notifications.models import Receiver
from notifications.receivers import add_receiver, has_secret, remove_receiver
from operations import audit, clock
from operations.errors import OperationInProgress
from operations.models import Operation, Priority
from operations.services import active_operation, submit
from operations.waking import wake
from rotation.schedule import Policy, next_rotation_at
from rotation.services import ask_to_stop

BACKOFF_FIRST, BACKOFF_LONGEST = timedelta(minutes=5), timedelta(days=1)
LARGEST_BATCH = 50
Channel, State = Receiver.Channel, Receiver.State


@transaction.atomic
def request_receiver(
    workspace: Workspace | None, *, channel: str, address: str, kinds: list[str], actor: str
) -> Receiver:
    """Add a receiver, and begin to make its signing secret where it is a webhook. Raises what `add_receiver` raises."""
    row = add_receiver(workspace, channel=channel, address=address, kinds=kinds, actor=actor)
    if row.channel == Channel.WEBHOOK:
        request_signing_rotation(row, actor=actor, reason="a new receiver", priority=Priority.USER)
    return row


@transaction.atomic
def request_signing_rotation(
    row: Receiver, *, actor: str, reason: str, priority: Priority = Priority.ROTATION
) -> Operation:
    """Give the receiver a new signing secret. Raises NotAWebhook; OperationInProgress while it gets one, or two overlap."""
    if row.channel != Channel.WEBHOOK:
        raise NotAWebhook("Mail is not signed by us.")
    return _submit("rotate_signing_secret", row, actor=actor, reason=reason, priority=priority)


@transaction.atomic
def request_removal(row: Receiver, *, actor: str) -> None:
    """Remove a receiver; its secret is taken out of use by an operation."""
    if not remove_receiver(row, actor=actor) or row.channel != Channel.WEBHOOK:
        return
    running = active_operation(signing_key(row))
    if running is not None:
        ask_to_stop(running, actor=actor)
        wake([signing_key(row)])
    _submit("forget_signing_secret", row, actor=actor, reason="its receiver was removed", follows=running)


def request_due_signing(actor: str) -> int:
    """Begin what is due, longest overdue first, and remove the receivers of workspaces that are gone. Returns how many."""
    begun = 0
    for row in _due(clock.now()).select_related("workspace")[:LARGEST_BATCH]:
        with contextlib.suppress(OperationInProgress):
            request_signing_rotation(row, actor=actor, reason="due by policy")
            begun += 1
    left = Receiver.objects.filter(workspace__deleted_at__isnull=False).exclude(state=State.REMOVED)
    for row in left.select_related("workspace")[:LARGEST_BATCH]:
        request_removal(row, actor=actor)
        begun += 1
    return begun


def signing_key(row: Receiver) -> str:
    """What operations on its signing secret have as their target."""
    return f"signing-secret:{row.pk}"


def receiver_of(operation: Operation) -> Receiver:
    return Receiver.objects.select_related("workspace").get(pk=operation.target_key.partition(":")[2])


def record_new(operation: Operation, row: Receiver) -> None:
    """From now on the new version signs, and the one before too; in the transaction that records the step."""
    now, version = clock.now(), operation.choices["version"]
    overlap = timedelta(seconds=settings.SIGNING_OVERLAP_SECONDS)
    Receiver.objects.filter(pk=row.pk).update(
        signing_version=version,
        previous_version=row.signing_version,
        previous_until=now + overlap if row.signing_version else None,
        rotate_after=next_rotation_at(row.pk, now, Policy(settings.SIGNING_SECRET_DAYS)),
        rotation_failures=0,
    )
    has_secret(row)
    _record(operation, "signing_secret.promoted", row, after={"version": version})


def record_retired(operation: Operation, row: Receiver) -> None:
    """Only the new version signs."""
    Receiver.objects.filter(pk=row.pk).update(previous_version="", previous_until=None)
    _record(operation, "signing_secret.retired", row, before={"version": row.previous_version})


def try_again_later(row: Receiver) -> None:
    """Five minutes after the first failure, twice as long after each further one, at most a day."""
    wait = min(BACKOFF_FIRST * 2 ** min(row.rotation_failures, 10), BACKOFF_LONGEST)
    Receiver.objects.filter(pk=row.pk).update(
        rotation_failures=F("rotation_failures") + 1, rotate_after=clock.now() + wait
    )


def _due(now: datetime) -> QuerySet[Receiver]:
    target = Concat(Value("signing-secret:"), Cast(OuterRef("pk"), CharField()))
    busy = Operation.objects.filter(target_key=target).exclude(state__in=Operation.TERMINAL)
    rows = Receiver.objects.filter(Q(rotate_after__lte=now), ~Exists(busy), channel=Channel.WEBHOOK)
    return rows.exclude(state=State.REMOVED).order_by("rotate_after", "pk")


def _submit(kind: str, row: Receiver, *, actor: str, reason: str, **how: object) -> Operation:
    place = row.workspace.name if row.workspace else ""
    options = {"priority": Priority.ROTATION, **how}
    return submit(kind, target=signing_key(row), actor=actor, workspace=place, wish={"reason": reason}, **options)  # type: ignore[arg-type]


def _record(operation: Operation, action: str, row: Receiver, **details: object) -> None:
    audit.record(
        action,
        actor=operation.actor,
        target=row.key,
        workspace=operation.workspace,
        operation_id=operation.pk,
        request=operation.trace_id,
        **details,
    )

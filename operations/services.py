"""What may be asked of the engine: submit, cancel, retry, reserve."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Sum

from operations import audit
from operations.clock import DatabaseNow, database_now
from operations.errors import OperationInProgress, QuotaExhausted, TooLateToCancel
from operations.hints import hint
from operations.models import AuditEvent, Operation, Priority, QuotaReservation
from operations.workflow import Workflow, workflow_of

State = Operation.State


def submit(
    kind: str,
    *,
    target: str,
    actor: str,
    workspace: str = "",
    wish: Mapping[str, Any] | None = None,
    priority: int = Priority.USER,
    parent: Operation | None = None,
    follows: Operation | None = None,
    beside: AuditEvent | None = None,
) -> Operation:
    """Accept an operation and start working on it once the caller's transaction commits.

    With `follows` it stands in line behind that one (one may, per target). `beside` is an event about the wish itself, for the
    audit log. Raises OperationInProgress when the target is
    already being changed.
    """
    operation = _new(workflow_of(kind), target=target, actor=actor, workspace=workspace, wish=dict(wish or {}))
    operation.priority, operation.parent, operation.follows = priority, parent, _still_running(follows)
    operation.trace_id = audit.request_id.get() or (parent.trace_id if parent else "")
    try:
        with transaction.atomic():
            operation.save(force_insert=True)
    except IntegrityError as error:
        raise OperationInProgress(active_operation(target)) from error
    _record_submitted(operation, beside)
    transaction.on_commit(partial(hint, operation))
    return operation


def active_operation(target: str) -> Operation | None:
    """The operation that is changing this target now; the one in line behind it does not count."""
    return (
        Operation.objects.filter(target_key=target, follows__isnull=True).exclude(state__in=Operation.TERMINAL).first()
    )


@transaction.atomic
def cancel(operation: Operation, *, actor: str) -> Operation:
    """Ask an operation to stop; one that needs attention goes on to its end. Raises TooLateToCancel past its point of no
    return, and says so in the audit log."""
    row = Operation.objects.select_for_update(of=("self",)).get(pk=operation.pk)
    asked_before = row.cancel_requested_at is not None
    if row.is_terminal or not (asked_before or workflow_of(row.kind).may_cancel_at(row.step)):
        raise TooLateToCancel("It is past the point from which it could be undone.")
    if row.cancel_requested_at is None:
        Operation.objects.filter(pk=row.pk).update(cancel_requested_at=DatabaseNow())
        Operation.objects.filter(pk=row.pk, state=State.NEEDS_ATTENTION).update(state=State.RUNNING)
        _wake_row(row)
        _record(row, "operation.cancel_requested", actor=actor)
    row.refresh_from_db()
    return row


@transaction.atomic
def retry(operation: Operation, *, actor: str, reason: str) -> bool:
    """Let an operation that needs attention try its present step again, with a fresh deadline. False: it does not.

    Its steps find the moment in the choice `retried_at` (ISO 8601).
    """
    now = database_now()
    deadline = now + workflow_of(operation.kind).deadline
    changed = Operation.objects.filter(pk=operation.pk, state=State.NEEDS_ATTENTION).update(
        state=State.RUNNING, attempt=0, due_at=DatabaseNow(), deadline_at=deadline, error_code="", error_message=""
    )
    if changed:
        note(operation, {"retried_at": now.isoformat()})
        _record(operation, "operation.retried", actor=actor, after={"state": State.RUNNING}, reason=reason)
        transaction.on_commit(partial(hint, operation))
    return bool(changed)


def note(operation: Operation, choices: Mapping[str, Any]) -> None:
    """Save choices beside those that steps make, also while a worker holds the row; its next look sees them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE operations_operation SET choices = choices || %s::jsonb WHERE id = %s",
            [json.dumps(dict(choices)), operation.pk],
        )


def reserve(operation: Operation, key: str, *, amount: int, used: int, limit: int) -> None:
    """Promise `amount` of a quota to an operation until it ends. Raises QuotaExhausted.

    `used` counts what stands already, without what running operations hold; count it after `serialise(key)`.
    """
    held = QuotaReservation.objects.filter(key=key).exclude(operation=operation)
    promised: int = held.aggregate(total=Sum("amount"))["total"] or 0
    if used + promised + amount > limit:
        raise QuotaExhausted(key, limit)
    QuotaReservation.objects.update_or_create(key=key, operation=operation, defaults={"amount": amount})


def serialise(key: str) -> None:
    """Let one transaction at a time pass here for this key, until it ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [key])


def _still_running(operation: Operation | None) -> Operation | None:
    """The operation, held until our transaction ends, or None when it is over: nobody would wake who follows it."""
    if operation is None:
        return None
    held = Operation.objects.select_for_update(of=("self",)).get(pk=operation.pk)
    return None if held.is_terminal else held


def _new(workflow: Workflow, *, target: str, actor: str, workspace: str, wish: dict[str, Any]) -> Operation:
    return Operation(
        kind=workflow.kind,
        target_key=target,
        actor=actor,
        workspace=workspace,
        input=wish,
        step=workflow.steps[0].name,
        deadline_at=database_now() + workflow.deadline,
    )


def _wake_row(operation: Operation) -> None:
    """Make one row due, unless somebody works on it: the next look comes by itself then."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE operations_operation SET woken_at = operations_now(),
                      due_at = CASE WHEN lease_until > operations_now() THEN due_at ELSE operations_now() END
               WHERE id = %s AND state IN ('queued', 'running')""",
            [operation.pk],
        )
    transaction.on_commit(partial(hint, operation))


def _record_submitted(operation: Operation, beside: AuditEvent | None) -> None:
    after = {"kind": operation.kind, "state": operation.state}
    events = [_event(operation, "operation.submitted", actor=operation.actor, after=after)]
    if beside is not None:
        beside.operation_id = operation.pk
        events.append(beside)
    audit.write(events)


def _record(operation: Operation, action: str, **details: Any) -> None:
    audit.write([_event(operation, action, **details)])


def _event(operation: Operation, action: str, **details: Any) -> AuditEvent:
    return audit.event(
        action, target=operation.target_key, workspace=operation.workspace, operation_id=operation.pk, **details
    )

"""Writing down what a step did: only while fence and claim token are still ours, everything in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import structlog
from django.db import connection, transaction
from django.db.models import Q
from psycopg.types.json import Jsonb

from operations import audit, locks
from operations.claims import Claim, owned
from operations.clock import DatabaseNow, database_now
from operations.hints import hint
from operations.models import AuditEvent, Operation, OutboxEvent, StepRun
from operations.transitions import Transition, within_deadline
from operations.waking import operation_key, wake
from operations.workflow import Ending, workflow_of

log = structlog.get_logger(__name__)
Recorded = tuple[Claim, Transition]

RECORD = """
UPDATE operations_operation o
SET state = v.state, step = v.step, attempt = v.attempt, choices = o.choices || v.choices,
    due_at = CASE WHEN v.delay IS NULL OR o.woken_at >= o.claimed_at THEN operations_now()
                  ELSE operations_now() + v.delay * interval '1 second' END,
    waits_on = v.waits_on, waits_why = v.waits_why, poll_url = coalesce(v.poll_url, o.poll_url),
    error_code = v.error_code, error_message = v.error_message, maybe_happened = v.maybe_happened,
    lease_owner = '', lease_until = NULL,
    finished_at = CASE WHEN v.state IN ('succeeded', 'failed', 'cancelled') THEN operations_now() END
FROM unnest(%s::uuid[], %s::bigint[], %s::uuid[], %s::text[], %s::text[], %s::int[], %s::jsonb[], %s::float8[],
            %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::boolean[])
    AS v(id, fence, token, state, step, attempt, choices, delay, waits_on, waits_why, poll_url, error_code, error_message,
         maybe_happened)
WHERE o.id = v.id AND o.fence = v.fence AND o.claim_token = v.token AND o.state = 'running'
RETURNING o.id
"""


def still_ours(claims: Sequence[Claim]) -> list[Claim]:
    """Those of `claims` that nobody took over, locked until the transaction ends."""
    condition = Q()
    for held in claims:
        condition |= Q(**owned(held))
    locked = Operation.objects.select_for_update(of=("self",)).filter(condition).order_by("pk")
    rows = set(locked.values_list("pk", flat=True))
    _count_zombies([held for held in claims if held.operation.pk not in rows])
    return [held for held in claims if held.operation.pk in rows]


def record(results: Sequence[Recorded]) -> list[Recorded]:
    """Write transitions; settle what ends. Returns those that were still ours; the others are dropped, whole.

    Call it inside a transaction.
    """
    at = database_now()
    timely = [(held, within_deadline(held.operation, transition, at)) for held, transition in results]
    written = _write(timely)
    _count_zombies([held for held, _ in timely if held.operation.pk not in written])
    ours = [(held, transition) for held, transition in timely if held.operation.pk in written]
    _close_runs(ours)
    _tell(ours)
    for held, transition in ours:
        if transition.ending is not None:
            _settle(held.operation, transition, transition.ending)
    return ours


def _write(results: Sequence[Recorded]) -> set[object]:
    columns = zip(*(_values(held.operation, transition) for held, transition in results), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(RECORD, [list(column) for column in columns])
        return {row[0] for row in cursor.fetchall()}


def _values(operation: Operation, new: Transition) -> tuple[object, ...]:
    return (
        operation.pk,
        operation.fence,
        operation.claim_token,
        new.state,
        new.step,
        new.attempt,
        Jsonb(dict(new.choices)),
        new.delay,
        new.waits_on,
        new.waits_why,
        new.poll_url,
        new.error_code,
        new.error_message,
        new.maybe_happened,
    )


def _close_runs(results: Sequence[Recorded]) -> None:
    """Finish the intents of steps that acted, and add the history of those that only looked or decided."""
    acted = [(held, new) for held, new in results if held.run is not None]
    for held, new in acted:
        StepRun.objects.filter(pk=(held.operation.claimed_at, held.run.id if held.run else None)).update(
            finished_at=DatabaseNow(),
            outcome=new.outcome,
            detail=_detail(new),
            request_id=str(new.choices.get("request_id") or ""),
        )
    passed = [(held, new) for held, new in results if held.run is None and new.outcome != "wait"]
    StepRun.objects.bulk_create([_history(held, new) for held, new in passed])


def _history(held: Claim, new: Transition) -> StepRun:
    operation = held.operation
    assert operation.claimed_at is not None, "a claim sets it"
    return StepRun(
        operation_id=operation.pk,
        step=operation.step,
        run=operation.fence,
        target=operation.target_key,
        started_at=operation.claimed_at,
        finished_at=DatabaseNow(),
        outcome=new.outcome,
        detail=_detail(new),
    )


def _detail(new: Transition) -> str:
    return new.waits_why or ": ".join(part for part in (new.error_code, new.error_message) if part)


def _tell(results: Sequence[Recorded]) -> None:
    """Audit every step that was passed and every change of state; queue what somebody outside must hear of."""
    events = [_event(held, new) for held, new in results if new.outcome not in ("wait", "error")]
    audit.write(events)
    OutboxEvent.objects.bulk_create(
        [
            OutboxEvent(
                kind=f"operation.{new.state}",
                target=held.operation.target_key,
                workspace=held.operation.workspace,
                data={"operation": str(held.operation.pk), "kind": held.operation.kind, "error": new.error_code},
            )
            for held, new in results
            if new.state != Operation.State.RUNNING
        ]
    )


def _event(held: Claim, new: Transition) -> AuditEvent:
    operation = held.operation
    goes_on = new.state == Operation.State.RUNNING
    return audit.event(
        "operation.step_finished" if goes_on else f"operation.{new.state}",
        actor=f"system:{operation.kind}",
        target=operation.target_key,
        workspace=operation.workspace,
        operation_id=operation.pk,
        request=operation.trace_id,
        outcome="failed" if new.state in ("failed", "needs_attention") else "done",
        before={"step": operation.step},
        after={"step": new.step, "state": new.state, **({"error": new.error_code} if new.error_code else {})},
        reason=new.error_message,
    )


def _settle(operation: Operation, new: Transition, ending: Ending) -> None:
    """Everything that an end means, in the transaction that ends it."""
    operation.state, operation.error_code, operation.error_message = new.state, new.error_code, new.error_message
    operation.choices = {**operation.choices, **new.choices}
    workflow_of(operation.kind).settle(operation, ending)
    locks.release(operation)
    operation.reservations.all().delete()
    wake([operation_key(operation)])
    _start_successor(operation)


def _start_successor(operation: Operation) -> None:
    for pk in Operation.objects.filter(follows=operation).values_list("pk", flat=True):
        Operation.objects.filter(pk=pk).update(follows=None, due_at=DatabaseNow())
        transaction.on_commit(partial(hint, pk))


def _count_zombies(lost: Sequence[Claim]) -> None:
    for held in lost:
        log.warning("operation.zombie_rejected", operation=str(held.operation.pk), step=held.step.name)

"""Writing down what a step did: only while fence and claim token are still ours, everything in one transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import structlog
from django.db import connection, transaction

from operations import counting, locks, prepared
from operations.claims import Claim
from operations.hints import hint, hint_lane, serves
from operations.identifiers import new_id
from operations.models import Operation
from operations.transitions import Transition, within_deadline
from operations.waking import operation_key, wake
from operations.workflow import Ending, lane_of, workflow_of

log = structlog.get_logger(__name__)
Recorded = tuple[Claim, Transition]

FREE = "DELETE FROM operations_quotareservation WHERE operation_id = ANY(%s)"
START_SUCCESSORS = """
UPDATE operations_operation SET follows_id = NULL, due_at = operations_now() WHERE follows_id = ANY(%s) RETURNING *
"""
STILL_OURS = """
SELECT o.id FROM operations_operation o
JOIN unnest(%s::uuid[], %s::bigint[], %s::uuid[]) AS held(id, fence, token) ON o.id = held.id
WHERE o.fence = held.fence AND o.claim_token = held.token AND o.state = 'running'
ORDER BY o.id FOR UPDATE OF o
"""

# One statement for a batch: the rows themselves, the intents of steps that acted, the history of those that did not, an
# audit event for every step passed and every change of state, and an outbox event for every change of state.
RECORD = """
WITH moment AS MATERIALIZED (
    SELECT operations_now() AS now
), new AS (
    SELECT * FROM json_to_recordset(%s::json) AS new(id uuid, fence bigint, token uuid, was_step text, run_id uuid,
        new_id uuid, state text, step text, outcome text, attempt int, delay float8, choices jsonb, waits_on text,
        waits_why text, poll_url text, error_code text, error_message text, maybe_happened boolean, detail text,
        request_id text, action text, verdict text, after jsonb)
), written AS (
    UPDATE operations_operation o
    SET state = new.state, step = new.step, attempt = new.attempt, choices = o.choices || new.choices,
        due_at = CASE WHEN new.delay IS NULL OR o.woken_at >= o.claimed_at THEN moment.now
                      ELSE moment.now + new.delay * interval '1 second' END,
        waits_on = new.waits_on, waits_why = new.waits_why, poll_url = coalesce(new.poll_url, o.poll_url),
        error_code = new.error_code, error_message = new.error_message, maybe_happened = new.maybe_happened,
        lease_owner = '', lease_until = NULL,
        finished_at = CASE WHEN new.state IN ('succeeded', 'failed', 'cancelled') THEN moment.now END
    FROM new, moment
    WHERE o.id = new.id AND o.fence = new.fence AND o.claim_token = new.token AND o.state = 'running'
    RETURNING o.kind, o.target_key, o.workspace, o.trace_id, o.claimed_at, moment.now, new.*
), {finished} history AS (
    INSERT INTO operations_step_run (id, started_at, operation_id, step, run, target, finished_at, outcome, detail)
    SELECT new_id, claimed_at, id, was_step, fence, target_key, now, outcome, detail
    FROM written WHERE run_id IS NULL AND outcome <> 'wait'
), audited AS (
    INSERT INTO operations_audit_event
        (id, at, actor, action, target, workspace, operation_id, request_id, outcome, before, after, reason)
    SELECT new_id, now, 'system:' || kind, action, target_key, workspace, id, trace_id, verdict,
           jsonb_build_object('step', was_step), after, error_message
    FROM written WHERE outcome NOT IN ('wait', 'error')
), announced AS (
    INSERT INTO operations_outboxevent (id, kind, target, workspace, data, created_at)
    SELECT new_id, action, target_key, workspace,
           jsonb_build_object('operation', id, 'kind', kind, 'error', error_code), now
    FROM written WHERE state <> 'running'
)
SELECT id FROM written
"""
# Only where a step acted: planning it over all months costs as much as recording ten rows.
FINISHED = """finished AS (
    UPDATE operations_step_run run
    SET finished_at = w.now, outcome = w.outcome, detail = w.detail, request_id = w.request_id
    FROM written w WHERE run.started_at = w.claimed_at AND run.id = w.run_id
),"""


def still_ours(claims: Sequence[Claim]) -> list[Claim]:
    """Those of `claims` that nobody took over, locked until the transaction ends, in the order of their ids."""
    keys = [(held.operation.pk, held.operation.fence, held.operation.claim_token) for held in claims]
    columns = [list(column) for column in zip(*keys, strict=True)]
    rows = {row[0] for row in prepared.rows(STILL_OURS, columns)}
    _count_zombies([held for held in claims if held.operation.pk not in rows])
    return [held for held in claims if held.operation.pk in rows]


def record(results: Sequence[Recorded]) -> list[Recorded]:
    """Write transitions; settle what ends. Returns those that were still ours; the others are dropped, whole.

    Call it inside a transaction.
    """
    timely = [(held, within_deadline(held.operation, transition, held.now())) for held, transition in results]
    written = _write(timely)
    _count_zombies([held for held, _ in timely if held.operation.pk not in written])
    ours = [(held, transition) for held, transition in timely if held.operation.pk in written]
    counting.count("failed_attempts", sum(new.outcome == "error" for _, new in ours))
    _pass_on(ours)
    _settle([(held, transition) for held, transition in ours if transition.ending is not None])
    return ours


def _write(results: Sequence[Recorded]) -> set[object]:
    if not results:
        return set()
    rows = [_values(held, transition) for held, transition in results]
    acted = any(row["run_id"] for row in rows)
    statement = RECORD.replace("{finished}", FINISHED if acted else "")
    return {row[0] for row in prepared.rows(statement, [json.dumps(rows)])}


def _values(held: Claim, new: Transition) -> dict[str, Any]:
    operation, goes_on = held.operation, new.state == Operation.State.RUNNING
    return {
        "id": str(operation.pk),
        "fence": operation.fence,
        "token": str(operation.claim_token),
        "was_step": operation.step,
        "run_id": str(held.run_id) if held.run_id else None,
        "new_id": str(new_id()),
        "state": new.state,
        "step": new.step,
        "outcome": new.outcome,
        "attempt": new.attempt,
        "delay": new.delay,
        "choices": dict(new.choices),
        "waits_on": new.waits_on,
        "waits_why": new.waits_why,
        "poll_url": new.poll_url,
        "error_code": new.error_code,
        "error_message": new.error_message,
        "maybe_happened": new.maybe_happened,
        "detail": new.waits_why or ": ".join(part for part in (new.error_code, new.error_message) if part),
        "request_id": str(new.choices.get("request_id") or ""),
        "action": "operation.step_finished" if goes_on else f"operation.{new.state}",
        "verdict": "failed" if new.state in ("failed", "needs_attention") else "done",
        "after": {"step": new.step, "state": new.state, **({"error": new.error_code} if new.error_code else {})},
    }


def _pass_on(results: Sequence[Recorded]) -> None:
    """Ring for other workers where the next step is not of a lane that we serve."""
    next_steps = {(held.operation.kind, new.step) for held, new in results if new.outcome == "next"}
    for lane in {lane_of(kind, step) for kind, step in next_steps}:
        if not serves(lane):
            transaction.on_commit(partial(hint_lane, lane))


def _settle(results: Sequence[Recorded]) -> None:
    """Everything that an end means, in the transaction that ends it."""
    for held, new in results:
        assert new.ending is not None
        _settle_one(held.operation, new, new.ending)
    ended = [held.operation for held, _ in results]
    if ended:
        locks.release(*ended)
        _free_reservations(ended)
        wake([operation_key(operation) for operation in ended])
        _start_successors(ended)


def _settle_one(operation: Operation, new: Transition, ending: Ending) -> None:
    operation.state, operation.error_code, operation.error_message = new.state, new.error_code, new.error_message
    operation.choices = {**operation.choices, **new.choices}
    workflow_of(operation.kind).settle(operation, ending)


def _free_reservations(ended: Sequence[Operation]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(FREE, [[operation.pk for operation in ended]])


def _start_successors(ended: Sequence[Operation]) -> None:
    for successor in Operation.objects.raw(START_SUCCESSORS, [[operation.pk for operation in ended]]):
        transaction.on_commit(partial(hint, successor))


def _count_zombies(lost: Sequence[Claim]) -> None:
    counting.count("zombies_rejected", len(lost))
    for held in lost:
        log.warning("operation.zombie_rejected", operation=str(held.operation.pk), step=held.step.name)

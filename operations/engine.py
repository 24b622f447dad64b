"""Claim → run one step → record. The only writer of a running operation."""

from __future__ import annotations

import time
from collections.abc import Sequence

import structlog
from django.conf import settings
from django.db import transaction
from django.db.utils import InterfaceError, OperationalError

from operations.claims import BATCHED, ONE_BY_ONE, Claim, claim, hand_back
from operations.errors import DatabaseBusy
from operations.failpoints import hit
from operations.hints import hint_lane
from operations.outcomes import TOO_LATE
from operations.records import record, still_ours
from operations.transitions import Transition, after_error, after_outcome, cancelled
from operations.workflow import Lane, Mode, Workflow, workflow_of

log = structlog.get_logger(__name__)
CONNECTION_TROUBLE = (OperationalError, InterfaceError)
REFUSED_FOR_NOW = ("40001", "40P01", "55P03", "57014")  # serialization, deadlock, lock time-out, statement time-out
RECORD_ATTEMPTS = 3


def advance_due() -> int:
    """Work on whatever is due in our lanes, most urgent class first and workspaces in turn, while time allows.

    Returns how many steps were run.
    """
    until = time.monotonic() + settings.OPERATIONS_TASK_SECONDS
    steps = 0
    while done := _advance_some():
        steps += done
        if time.monotonic() > until:
            hint_lane(Lane(settings.WORKER_LANES[0]))
            break
    return steps


def _advance_some() -> int:
    looking = claim(BATCHED, limit=settings.OPERATIONS_BATCH_LOOKS)
    look_together(looking)
    acting = claim(ONE_BY_ONE, limit=settings.OPERATIONS_BATCH_ACTS)
    _run(acting)
    return len(looking) + len(acting)


def _run(claims: Sequence[Claim]) -> None:
    for held in claims:
        if held.seconds_left() < settings.OPERATIONS_CALL_RESERVE_SECONDS:
            hand_back([held])
            continue
        _run_one(held)


def _run_one(held: Claim) -> None:
    with structlog.contextvars.bound_contextvars(**_context(held)):
        if _cancel_obeyed(held):
            _record_one(held, cancelled(held.operation, _workflow(held)))
        elif held.step.mode is Mode.ACTS:
            _record_one(held, _act(held))
        else:
            _decide(held)


def _act(held: Claim) -> Transition:
    """Run a step that touches the outside; no transaction is open."""
    hit("act.before")
    try:
        outcome = held.step(held.operation)
    except CONNECTION_TROUBLE as error:
        return _explained(held, _not_lost(error))
    except Exception as error:  # noqa: BLE001  # the one place: a bad row must not take the fleet down
        return _explained(held, error)
    hit("act.after")
    return after_outcome(held.operation, _workflow(held), outcome)


def _decide(held: Claim) -> None:
    """Run a step that writes our rows: its writes and its record commit together, or not at all."""
    hit("record.before")
    try:
        with transaction.atomic():
            if still_ours([held]):
                record([(held, after_outcome(held.operation, _workflow(held), held.step(held.operation)))])
    except CONNECTION_TROUBLE as error:
        _record([(held, _explained(held, _not_lost(error)))])
        return
    except Exception as error:  # noqa: BLE001  # as above: counted, logged, and tried again away from the others
        _record([(held, _explained(held, error))])
        return
    hit("record.after")


def look_together(claims: Sequence[Claim]) -> None:
    """Run steps that only read our rows: one recording transaction for all; one by one if any of them goes wrong."""
    cancelling = [held for held in claims if _cancel_obeyed(held)]
    looking = [held for held in claims if held not in cancelling]
    try:
        if looking:
            _look(looking)
    except CONNECTION_TROUBLE as error:
        log.warning("engine.batch_refused", code=_not_lost(error).code)
        _run(looking)
    except Exception:  # noqa: BLE001  # found out below, row by row
        _run(looking)
    _run(cancelling)


def _look(claims: Sequence[Claim]) -> None:
    hit("record.before")
    with transaction.atomic():
        ours = still_ours(claims)
        if ours:
            record([(held, after_outcome(held.operation, _workflow(held), held.step(held.operation))) for held in ours])
    hit("record.after")


def _record_one(held: Claim, transition: Transition) -> None:
    """Write down what one row came to; an end that cannot be settled is an error like any other."""
    try:
        _record([(held, transition)])
    except CONNECTION_TROUBLE:
        raise
    except Exception as error:  # noqa: BLE001  # as above: nothing of it was written, and it must not come back at once
        _record([(held, _explained(held, error))])


def _record(results: list[tuple[Claim, Transition]]) -> None:
    """Write down what happened outside; a deadlock must not make us forget it."""
    hit("record.before")
    for left in reversed(range(RECORD_ATTEMPTS)):
        try:
            with transaction.atomic():
                record(results)
            break
        except CONNECTION_TROUBLE as error:
            busy = _not_lost(error)
            if not left:
                raise
            log.warning("engine.record_refused", code=busy.code)
    hit("record.after")


def _not_lost(error: Exception) -> DatabaseBusy:
    """What PostgreSQL refused for now, in a session that goes on, as a passing error. Raises any other error again."""
    if getattr(error.__cause__, "sqlstate", None) not in REFUSED_FOR_NOW:
        raise error
    return DatabaseBusy()


def _explained(held: Claim, error: Exception) -> Transition:
    """Log the error and say what follows from it."""
    transition = after_error(held.operation, _workflow(held), error)
    if getattr(error, "transient", None) is None:
        log.exception("operation.step_crashed", next=transition.outcome)
    else:
        log.warning("operation.step_refused", code=transition.error_code, why=transition.error_message)
    return transition


def _cancel_obeyed(held: Claim) -> bool:
    """A cancel that was accepted counts up to the moment before the first effect, also when it came during a step."""
    if held.operation.cancel_requested_at is None or TOO_LATE in held.operation.choices:
        return False
    workflow, step = _workflow(held), held.step.name
    untouched = step == workflow.point_of_no_return and not held.operation.maybe_happened
    return untouched or workflow.may_cancel_at(step)


def _workflow(held: Claim) -> Workflow:
    return workflow_of(held.operation.kind)


def _context(held: Claim) -> dict[str, object]:
    o = held.operation
    return {
        "operation": str(o.pk),
        "kind": o.kind,
        "target": o.target_key,
        "step": o.step,
        "attempt": o.attempt,
        "fence": o.fence,
    }

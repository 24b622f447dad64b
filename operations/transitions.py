"""What a run of a step means for its row. Pure: no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from operations.backoff import delay_seconds, jittered
from operations.models import Operation
from operations.outcomes import END, UNDONE, Ask, Next, Outcome, Wait
from operations.workflow import Ending, Workflow

State = Operation.State
FIRST_LOOK_SECONDS = 5.0
GENERIC_MESSAGE = "Something unexpected happened on our side. It is being looked at; nothing is lost."


@dataclass(frozen=True, slots=True)
class Transition:
    """The new values of a row. `delay` None: due at once. `choices` are merged into those saved before."""

    state: str
    step: str
    outcome: str
    attempt: int = 0
    delay: float | None = None
    choices: Mapping[str, Any] = field(default_factory=dict)
    waits_on: str = ""
    waits_why: str = ""
    poll_url: str | None = None
    error_code: str = ""
    error_message: str = ""
    maybe_happened: bool = False

    @property
    def ending(self) -> Ending | None:
        """How the operation ends with this, if it does."""
        return Ending(self.state) if self.state in Operation.TERMINAL else None


def after_outcome(operation: Operation, workflow: Workflow, outcome: Outcome) -> Transition:
    """What follows from an answer of the step."""
    match outcome:
        case Next():
            return _after_next(operation, workflow, outcome)
        case Wait():
            return _after_wait(operation, outcome)
        case Ask():
            return attention(operation, outcome.code, outcome.message)


def after_error(operation: Operation, workflow: Workflow, error: Exception) -> Transition:
    """What follows from an error of the step: again later, failed, or a human's turn.

    An error without `transient` is a bug of ours: its text stays in the log. One with `retry_after` is a request to wait and
    counts as no attempt.
    """
    transient = getattr(error, "transient", None)
    if transient is False:
        return _failed(operation, error)
    asked_to_wait = getattr(error, "retry_after", None)
    attempt = operation.attempt + (asked_to_wait is None)
    code = str(getattr(error, "code", "InternalError"))
    message = str(error) if transient else GENERIC_MESSAGE
    if attempt >= workflow.attempt_cap:
        return attention(operation, code, message)
    delay = jittered(asked_to_wait) if asked_to_wait is not None else delay_seconds(attempt)
    return _again(operation, attempt=attempt, delay=delay, code=code, message=message)


def attention(operation: Operation, code: str, message: str) -> Transition:
    """A human decides; target and locks are kept."""
    return Transition(
        state=State.NEEDS_ATTENTION,
        step=operation.step,
        outcome="attention",
        attempt=operation.attempt,
        error_code=code,
        error_message=message,
        maybe_happened=True,
    )


def cancelled(operation: Operation, workflow: Workflow) -> Transition:
    """At its end; or on the way there, where something has to be taken back first."""
    if workflow.must_undo(operation):
        return Transition(state=State.RUNNING, step=workflow.undo, outcome="next")
    return Transition(state=State.CANCELLED, step=operation.step, outcome="cancelled")


def within_deadline(operation: Operation, transition: Transition, at: datetime) -> Transition:
    """The transition itself, or a human's turn when it would wait past the operation's deadline."""
    waits = transition.state == State.RUNNING and transition.delay is not None
    if waits and operation.deadline_at is not None and at > operation.deadline_at:
        reason = transition.waits_why or transition.error_message or "It takes longer than planned."
        return attention(operation, transition.error_code or "DeadlinePassed", reason)
    return transition


def _after_next(operation: Operation, workflow: Workflow, outcome: Next) -> Transition:
    if outcome.to == UNDONE:
        return Transition(state=State.CANCELLED, step=operation.step, outcome="cancelled", choices=outcome.choices)
    step = "" if outcome.to == END else outcome.to or workflow.after(operation.step)
    return Transition(
        state=State.RUNNING if step else State.SUCCEEDED,
        step=step or operation.step,
        outcome="next",
        choices=outcome.choices,
        poll_url=outcome.poll_url,
    )


def _after_wait(operation: Operation, outcome: Wait) -> Transition:
    """Wait as long as asked; the first time on a key only briefly, for its change may have come just before we waited."""
    new_key = bool(outcome.on) and outcome.on != operation.waits_on
    return Transition(
        state=State.RUNNING,
        step=operation.step,
        outcome="wait",
        delay=jittered(min(outcome.seconds, FIRST_LOOK_SECONDS) if new_key else outcome.seconds),
        choices=outcome.choices,
        waits_on=outcome.on,
        waits_why=outcome.reason,
        poll_url=outcome.poll_url,
        maybe_happened=True,
    )


def _again(operation: Operation, *, attempt: int, delay: float, code: str, message: str) -> Transition:
    return Transition(
        state=State.RUNNING,
        step=operation.step,
        outcome="error",
        attempt=attempt,
        delay=delay,
        error_code=code,
        error_message=message,
        maybe_happened=True,
    )


def _failed(operation: Operation, error: Exception) -> Transition:
    return Transition(
        state=State.FAILED,
        step=operation.step,
        outcome="failed",
        attempt=operation.attempt,
        error_code=str(getattr(error, "code", "Failed")),
        error_message=str(getattr(error, "message", "") or error),
    )

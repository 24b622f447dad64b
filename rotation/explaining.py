"""Errors of a rotation, told so that a human knows where to look; a final one is a human's turn when it comes again."""

from __future__ import annotations

from functools import wraps

from cloud.errors import CloudError
from operations.models import Operation
from operations.outcomes import Ask, Outcome, StepError
from operations.workflow import Run
from rotation.targets import active_credential, database_of, purpose_in

FAILURES_BEFORE_ASKING = 4  # rotations given up in a row: with their pauses, more than half a day


def explained(run: Run) -> Run:
    """The step, with database and step named in what goes wrong. What Azure refuses for good fails the rotation, which is
    tried again later; after some such failures it needs attention instead."""

    @wraps(run)
    def told(operation: Operation) -> Outcome:
        try:
            return run(operation)
        except CloudError as error:
            return _told(operation, error)

    return told


def _told(operation: Operation, error: CloudError) -> Outcome:
    database = database_of(operation)
    text = f"{database}, {operation.step}: {error}"
    active = active_credential(database, purpose_in(operation))
    if not error.transient and active is not None and active.failures >= FAILURES_BEFORE_ASKING:
        return Ask(error.code, text)
    raise StepError(error.code, text, transient=error.transient, retry_after=error.retry_after) from error

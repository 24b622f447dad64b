"""Errors of a rotation, told so that a human knows where to look; a final one is a human's turn when it comes again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from cloud.errors import CloudError
from operations.models import Operation
from operations.outcomes import Ask, Outcome, StepError
from operations.workflow import Run
from rotation.models import Credential, ServerAdministrator
from rotation.names import SLOTS
from rotation.targets import database_of, purpose_in, server_of

FAILURES_BEFORE_ASKING = 4  # rotations given up in a row: with their pauses, more than half a day


def explained(run: Run) -> Run:
    """The step, with database and step named in what goes wrong. What Azure refuses for good fails the rotation, which is
    tried again later; after some such failures it needs attention instead."""
    return _explained(run, database_of, _credential_fails)


def explained_of_server(run: Run) -> Run:
    """The same for a step that works on a server's administrator."""
    return _explained(run, server_of, _administrator_fails)


def _explained(run: Run, subject: Callable[[Operation], object], fails: Callable[[Operation], bool]) -> Run:
    @wraps(run)
    def told(operation: Operation) -> Outcome:
        try:
            return run(operation)
        except CloudError as error:
            text = f"{subject(operation)}, {operation.step}: {error}"
            if not error.transient and fails(operation):
                return Ask(error.code, text)
            raise StepError(error.code, text, transient=error.transient, retry_after=error.retry_after) from error

    return told


def _credential_fails(operation: Operation) -> bool:
    """Whether renewing the active user, or retiring the other, was given up several times in a row."""
    users = Credential.objects.filter(database=database_of(operation), slot__in=SLOTS[purpose_in(operation)])
    return users.filter(failures__gte=FAILURES_BEFORE_ASKING).exists()


def _administrator_fails(operation: Operation) -> bool:
    rows = ServerAdministrator.objects.filter(server=server_of(operation))
    return rows.filter(failures__gte=FAILURES_BEFORE_ASKING).exists()

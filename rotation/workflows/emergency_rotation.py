"""Many credentials are replaced at once, worst first, because somebody may know them."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from operations import audit
from operations.models import Operation
from operations.outcomes import Ask, Next, Outcome, Wait
from operations.services import retry
from operations.workflow import Ending, Workflow, decides, looks
from rotation.emergency import (
    given_up,
    known_credentials,
    next_credentials,
    progress_of,
    still_at_work,
    waiting_for_human,
)
from rotation.models import Credential
from rotation.names import purpose_of
from rotation.services import request_emergency_rotation

BATCH = 20
AGAIN_AT_ONCE = 500  # the worst; what is left is asked about again
NAMED = 5  # databases that a question to a human names


@decides
def begin_next(operation: Operation) -> Outcome:
    """Begin with the next few that were not begun yet, in the order of their risk."""
    found = next_credentials(operation, limit=BATCH)
    for credential in found:
        _replace(credential, operation)
    begun = operation.choices.get("begun", 0) + len(found)
    return Next(to="begin_next" if found else "await_all", choices={"begun": begun, "deadline": _deadline(operation)})


@decides
def begin_again(operation: Operation) -> Outcome:
    """Begin anew what was given up, and let what waits for a human try again: somebody said so of the whole."""
    for credential in given_up(operation, limit=AGAIN_AT_ONCE):
        _replace(credential, operation)
    for stuck in waiting_for_human(operation, limit=AGAIN_AT_ONCE):
        retry(stuck, actor=operation.actor, reason=operation.input["reason"])
    return Next(to="begin_next")


@looks
def await_all(operation: Operation) -> Outcome:
    """Go on once nothing works any more that worked when the emergency was declared; what is stuck is told at once.

    A retry gives another deadline, and so is noticed.
    """
    if operation.choices.get("deadline", _deadline(operation)) != _deadline(operation):
        return Next(to="begin_again")
    known, told = known_credentials(operation), {"progress": progress_of(operation)}
    if still_at_work(known).exists():
        progress = told["progress"]
        reason = (
            f"{progress['replaced']} of {progress['databases']} replaced, {progress['needAttention']} need a human."
        )
        return Wait(settings.SHORT_WAIT_SECONDS, reason=reason, choices=told)
    if next_credentials(operation, limit=1):
        return Next(to="begin_next", choices=told)
    if names := [row.database.azure_name for row in known[:NAMED]]:
        text = f"{known.count()} databases still have a credential that was known, first {', '.join(names)}."
        return Ask("NotAllReplaced", text)
    return Next(choices=told)


def settle(operation: Operation, ending: Ending) -> None:
    audit.record(
        f"credentials.emergency_{ending}",
        actor=operation.actor,
        target=operation.target_key,
        workspace=operation.workspace,
        operation_id=operation.pk,
        after={"begun": operation.choices.get("begun", 0), "progress": operation.choices.get("progress", {})},
        reason=operation.input["reason"],
    )


def _replace(credential: Credential, operation: Operation) -> None:
    request_emergency_rotation(
        credential.database,
        purpose=purpose_of(credential.slot),
        actor=operation.actor,
        reason=operation.input["reason"],
        parent=operation,
    )


def _deadline(operation: Operation) -> str:
    return operation.deadline_at.isoformat() if operation.deadline_at else ""


EMERGENCY_ROTATION = Workflow(
    kind="emergency_rotation",
    settle=settle,
    steps=(begin_next, begin_again, await_all),
    point_of_no_return="await_all",
    deadline=timedelta(days=2),
)

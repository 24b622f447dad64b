"""Many credentials are replaced at once, worst first, because somebody may know them."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Count

from operations import audit
from operations.models import Operation
from operations.outcomes import Ask, Next, Outcome, Wait
from operations.workflow import Ending, Workflow, decides, looks
from rotation.emergency import next_databases
from rotation.services import request_emergency_rotation

BATCH = 20
State = Operation.State


@decides
def begin_next(operation: Operation) -> Outcome:
    """Begin with the next few that were not begun yet, in the order of their risk."""
    found = next_databases(operation, limit=BATCH)
    for database in found:
        request_emergency_rotation(database, actor=operation.actor, reason=operation.input["reason"], parent=operation)
    begun = operation.choices.get("begun", 0) + len(found)
    return Next(to="begin_next" if found else "", choices={"begun": begun})


@looks
def await_all(operation: Operation) -> Outcome:
    """Go on once each was replaced and its old user retired; what is stuck or failed is told at once."""
    counts = dict(Operation.objects.filter(parent=operation).values_list("state").annotate(n=Count("pk")))
    over = sum(counts.get(state, 0) for state in State if state in Operation.TERMINAL)
    told = {str(state): n for state, n in counts.items()}
    if over < sum(counts.values()):
        stuck = counts.get(State.NEEDS_ATTENTION, 0)
        reason = f"{over} of {sum(counts.values())} operations are over, {stuck} need a human."
        return Wait(settings.SHORT_WAIT_SECONDS, reason=reason, choices={"progress": told})
    if failed := counts.get(State.FAILED, 0):
        return Ask("NotAllReplaced", f"{failed} operations of this emergency failed; see its parts.")
    return Next(choices={"progress": told})


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


EMERGENCY_ROTATION = Workflow(
    kind="emergency_rotation",
    settle=settle,
    steps=(begin_next, await_all),
    point_of_no_return="await_all",
    deadline=timedelta(days=2),
)

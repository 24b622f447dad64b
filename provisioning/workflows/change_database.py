"""A database becomes what one change alone cannot make of it: hop by hop, each an operation of its own that ends in a lawful
state, in the order that its owner has agreed to.

It may be cancelled until the last hop has arrived: the hop that is under way is stopped where it can be, and what has been
reached stays. A hop that fails ends the way there. Where it stands then is told.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

from django.conf import settings

from inventory.models import Database
from operations.errors import OperationInProgress, TooLateToCancel
from operations.models import Operation
from operations.outcomes import END, TOO_LATE, UNDONE, Next, Outcome, StepError, Wait
from operations.services import active_operation, cancel
from operations.waking import operation_key
from operations.workflow import Ending, Workflow, decides
from provisioning.changes.hopping import KIND, begin_hop, hops_of, service_of
from provisioning.changes.hops import from_columns, told
from provisioning.changes.states import state_of
from provisioning.errors import TooManyOperations, WishRefused
from provisioning.windows import KEY as WINDOW
from provisioning.windows import stop_the_deadline


@decides
def take_hop(operation: Operation) -> Outcome:
    """Ask for the next hop, from where the last one has led and from nowhere else."""
    database = _database_of(operation)
    running = active_operation(database.key)
    if running is not None:
        return _wait_for(running, f"{running.kind} of the database comes first.")
    hop = hops_of(operation)[_done(operation)]
    if state_of(database) != from_columns(hop["before"]):
        raise StepError("PlanChanged", _where(operation, "It is not what it was when this was planned."))
    try:
        asked = begin_hop(operation, database, hop)
    except OperationInProgress as other:
        return _wait_for(other.operation, "Another change of the database comes first.")
    except TooManyOperations as full:
        return Wait(settings.LOOK_AGAIN_SECONDS, reason=str(full))
    except WishRefused as refused:
        raise StepError(refused.code, _where(operation, str(refused))) from refused
    return Next(choices={"hop": str(asked.pk), **_progress(operation)})


@decides
def await_hop(operation: Operation) -> Outcome:
    """Go on with the next hop once this one has arrived."""
    hop = _hop(operation)
    if not hop.is_terminal:
        number, of = _done(operation) + 1, len(hops_of(operation))
        if hop.waits_on.startswith(WINDOW):
            stop_the_deadline(operation, timedelta(seconds=settings.LOOK_AGAIN_SECONDS))
        return _wait_for(hop, f"Hop {number} of {of}: {hop.kind}.")
    if hop.state == Operation.State.SUCCEEDED:
        return Next(to="" if _is_last(operation) else "take_hop", choices=_arrived(operation))
    why = hop.error_message or f"{hop.kind} was stopped."
    raise StepError(hop.error_code or "HopStopped", _where(operation, why))


@decides
def arrive(operation: Operation) -> Outcome:
    """All hops are behind it; the step after this one is only for stopping on the way."""
    return Next(to=END)


@decides
def stop_hop(operation: Operation) -> Outcome:
    """Stop the hop that is under way, where that can be; what arrives nevertheless has arrived."""
    if not operation.choices.get("hop"):
        return Next(to=UNDONE)
    hop = _hop(operation)
    if not hop.is_terminal:
        with contextlib.suppress(TooLateToCancel):
            cancel(hop, actor=operation.actor)
        return _wait_for(hop, f"{hop.kind} is being stopped, or ends.")
    if hop.state != Operation.State.SUCCEEDED:
        return Next(to=UNDONE)
    if _is_last(operation):
        return Next(to="arrive", choices={TOO_LATE: True, **_arrived(operation)})
    return Next(to=UNDONE, choices=_arrived(operation))


def settle(operation: Operation, ending: Ending) -> None:
    """Each hop has settled itself; one that is under way when the whole is given up is asked to stop."""
    if ending is Ending.FAILED and operation.choices.get("hop"):
        with contextlib.suppress(TooLateToCancel):
            cancel(_hop(operation), actor=operation.actor)


CHANGE_DATABASE = Workflow(
    kind=KIND,
    settle=settle,
    steps=(take_hop, await_hop, arrive, stop_hop),
    begins="take_hop",
    point_of_no_return="arrive",
    undo="stop_hop",
    deadline=timedelta(days=30),  # as long as its hops: conversions of nine days, with what waits for windows
)


def _database_of(operation: Operation) -> Database:
    """Raises StepError when it is gone."""
    rows = Database.objects.select_related("pool", "server", "service__workspace").exclude(
        status=Database.Status.DELETED
    )
    database = rows.filter(service=service_of(operation)).first()
    if database is None:
        raise StepError("ServiceNotFound", "The service was removed meanwhile.")
    return database


def _hop(operation: Operation) -> Operation:
    return Operation.objects.get(pk=operation.choices["hop"])


def _done(operation: Operation) -> int:
    return int(operation.choices.get("done", 0))


def _is_last(operation: Operation) -> bool:
    return _done(operation) + 1 == len(hops_of(operation))


def _arrived(operation: Operation) -> dict[str, Any]:
    done = _done(operation) + 1
    return {"hop": "", "done": done, **_progress(operation, done)}


def _progress(operation: Operation, done: int | None = None) -> dict[str, Any]:
    """How many hops are behind it, and what the last of them has made of the database."""
    hops, behind = hops_of(operation), _done(operation) if done is None else done
    here = hops[behind - 1]["after"] if behind else hops[0]["before"]
    return {"progress": {"hops": len(hops), "done": behind, "stands": told(from_columns(here))}}


def _where(operation: Operation, why: str) -> str:
    """Why it goes no further, and what stands now."""
    stands = told(state_of(_database_of(operation)))
    return f"{why} {_done(operation)} of {len(hops_of(operation))} hops are done; the database is {stands}."


def _wait_for(other: Operation | None, reason: str) -> Wait:
    return Wait(settings.LOOK_AGAIN_SECONDS, on=operation_key(other) if other else "", reason=reason)

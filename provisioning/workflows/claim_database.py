"""A database of the stock becomes a service's: what it lacks is added, its credential proved where that is long ago."""

from __future__ import annotations

from datetime import timedelta

from inventory.models import Database
from inventory.states import Status, move
from operations import clock
from operations.models import Operation
from operations.outcomes import END, Next, Outcome
from operations.workflow import Ending, Workflow, decides, signs_in
from provisioning.drift.putting_back import wanted
from provisioning.holding import hold, place_locks
from provisioning.keys.giving import PREPARATION, give_key, past_keys, shown_key, verify_key
from provisioning.keys.using import record_key
from provisioning.targets import database_of, server_row_of
from provisioning.workflows.create_database import CAST, FOR_CAST
from provisioning.workflows.repair_database import put_database_back, secure_retention
from rotation import issue
from rotation.proving import prove_published


@decides
def hold_place(operation: Operation) -> Outcome:
    """Keep pool and server as they are."""
    database = database_of(operation)
    held = hold(operation, server_row_of(database), place_locks(database, "claims a database"))
    return past_keys(held, database, to="put_database_back")


@signs_in
def prove_credential(operation: Operation) -> Outcome:
    """Its own credential goes to the service: it must work now. What follows is for DICOM Cast alone."""
    to = "" if operation.input.get("cast") else END
    if "proof" not in wanted(operation):
        return Next(to=to)
    prove_published(operation, database_of(operation))
    return Next(to=to)


def settle(operation: Operation, ending: Ending) -> None:
    """Ready, unless it was so from the first; or failed, to be tried again as a creation or deleted."""
    database = database_of(operation)
    if ending is not Ending.SUCCEEDED:
        if database.status == Status.CREATING:
            move(database, Status.FAILED, error_code=operation.error_code, error_message=operation.error_message)
        return
    if database.status == Status.CREATING:
        move(database, Status.READY, ready_at=clock.now(), error_code="", error_message="")
    record_key(database, shown_key(operation, database))
    if operation.input.get("cast"):
        issue.record_issued(operation, Database.objects.get(pk=database.pk), slot=CAST)


CLAIM_DATABASE = Workflow(
    kind="claim_database",
    settle=settle,
    steps=(
        hold_place,
        *PREPARATION,
        give_key,
        verify_key,
        put_database_back,
        secure_retention,
        prove_credential,
        *FOR_CAST,
    ),
    point_of_no_return="hold_place",
    deadline=timedelta(hours=2),
    indispensable=("give_key", "verify_key", "prove_credential", *(step.name for step in FOR_CAST)),
)

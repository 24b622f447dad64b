"""A database goes: its secrets first, then itself; Azure keeps a restore point for the retention time."""

from __future__ import annotations

from datetime import timedelta

from cloud import factory
from inventory.models import Database, ServiceInstance
from inventory.states import Status, move
from operations import clock
from operations.locks import Lock, Mode
from operations.models import Operation
from operations.outcomes import END, Next, Outcome
from operations.workflow import Ending, Workflow, acts, decides, looks
from placement.services import give_room_back
from provisioning import awaiting
from provisioning.holding import hold, place_locks
from provisioning.targets import database_of, reference, server_row_of
from rotation.revoke import disable_next_version, purposes_of


@decides
def hold_place(operation: Operation) -> Outcome:
    """Keep pool and server as they are; a database that never found a place needs none of it.

    A creation that ran before us has left the database ready or failed; or it was cancelled, and nothing is left to do.
    """
    database = database_of(operation)
    if database.status == Status.DELETED:
        return Next(to=END)
    if database.status != Status.DELETING:
        move(database, Status.DELETING)
    if database.server is None:
        return Next()
    alone = Lock(database.key, Mode.EXCLUSIVE, "deletes the database")  # whoever works on its credential ends first
    outcome = hold(operation, database.server, [*place_locks(database, "deletes a database"), alone])
    return Next(choices={"name": database.azure_name}) if isinstance(outcome, Next) else outcome


@acts
def disable_secrets(operation: Operation) -> Outcome:
    """Disable every version of its secrets, one a run; who comes late finds that it may have come back since."""
    database = database_of(operation)
    holder = _holder_of_secrets(database)
    left = disable_next_version(operation, holder, *purposes_of(holder), only_while=lambda: _is_going(database))
    return Next(to="disable_secrets") if left else Next()


@acts
def start_delete(operation: Operation) -> Outcome:
    """Ask Azure to drop it; dropping what is gone is no error. The row may lead elsewhere when somebody comes late."""
    database = database_of(operation)
    if database.server is None:
        return Next(to=END)
    name = operation.choices.get("name", database.azure_name)
    answer = factory.sql_management().begin_delete_database(reference(database.server), name)
    return awaiting.accepted(operation, answer)


@looks
def await_delete(operation: Operation) -> Outcome:
    """Go on once a complete listing lacks it."""
    database = database_of(operation)
    return awaiting.await_state(
        operation,
        database,
        state=database.observed_status,
        wanted=awaiting.ABSENT,
        then=END,
        examine="examine_delete",
    )


@acts
def examine_delete(operation: Operation) -> Outcome:
    database = database_of(operation)
    subscription_id = server_row_of(database).subscription_id
    return awaiting.examine_poll(
        operation, database, subscription_id=subscription_id, back_to="await_delete", ask_again="start_delete"
    )


def settle(operation: Operation, ending: Ending) -> None:
    """Gone: its room is free, its name in the workspace too; how long Azure can restore it is written down."""
    database = database_of(operation)
    if database.status == Status.DELETED:
        return
    if ending is not Ending.SUCCEEDED:
        move(database, Status.FAILED, error_code=operation.error_code, error_message=operation.error_message)
        return
    now = clock.now()
    existed = database.server is not None and bool(database.observed_arm_id)
    kept = now + timedelta(days=database.retention_days) if existed else None
    give_room_back(database)
    move(database, Status.DELETED, deleted_at=now, restorable_until=kept)
    ServiceInstance.objects.filter(databases=database).update(deleted_at=now)


DELETE_DATABASE = Workflow(
    kind="delete_database",
    settle=settle,
    steps=(hold_place, disable_secrets, start_delete, await_delete, examine_delete),
    point_of_no_return="hold_place",
    deadline=timedelta(hours=2),
    indispensable=("disable_secrets", "start_delete", "await_delete"),  # a certificate says that they were done
)


def _is_going(database: Database) -> bool:
    """Asked anew: what was listed before is of the time before any return of it."""
    holder = _holder_of_secrets(database)
    going = Database.objects.filter(pk=database.pk, status=Status.DELETING).exists()
    return going and (holder is database or Database.objects.filter(pk=holder.pk, status=Status.DELETED).exists())


def _holder_of_secrets(database: Database) -> Database:
    """What a restore left behind may have issued secrets for the deleted database that it was to bring back."""
    stood_for = database.stands_in_for
    return stood_for if stood_for is not None and stood_for.status == Status.DELETED else database

"""The row that stands in for a database while it is restored, and what becomes of both at the end."""

from __future__ import annotations

from inventory.models import Database, ServiceInstance
from inventory.states import Status, move
from operations import clock
from operations.models import Operation
from operations.services import submit
from operations.workflow import Ending
from provisioning.pool_events import news_of_database
from provisioning.targets import database_of, restored_row_of, stand_in_of
from rotation import issue
from rotation.holding import is_wanted
from rotation.names import Purpose
from rotation.services import issue_cast_again

PLACE = ("server_id", "pool_id", "holds_room", "placement")
OBSERVED = (
    "observed_status",
    "observed_arm_id",
    "observed_pool_name",
    "observed_sku_name",
    "observed_vcores",
    "observed_max_size_bytes",
    "observed_tags",
    "observed_at",
)
EXCHANGED = (*PLACE, *OBSERVED)


def as_restored(operation: Operation) -> Database:
    """The database as its row will be, for what is done in the restored one under the names of the old; never saved."""
    database, made = database_of(operation), restored_row_of(operation)
    database.azure_name, database.server, database.pool = made.azure_name, made.server, made.pool
    return database


def is_taken_over(restored: Database) -> bool:
    """True once the row leads to the restored database; asked anew, for whoever comes late."""
    return Database.objects.filter(pk=restored.pk, azure_name=restored.azure_name).exists()


def settle(operation: Operation, ending: Ending) -> None:
    """The row leads to the restored database; or all is as it was, and what came to be in Azure is removed."""
    database, stand_in = database_of(operation), stand_in_of(operation)
    if ending is Ending.SUCCEEDED:
        _take_over(operation, database, stand_in)
    else:
        _give_up(operation, database, stand_in)


def _take_over(operation: Operation, database: Database, stand_in: Database) -> None:
    """Exchange names and places. What was replaced keeps its life's dates, so that it can be told from what never was."""
    now = clock.now()
    if is_wanted(database, Purpose.CAST):
        issue_cast_again(database, actor=operation.actor)  # first: operations are locked before what they change
    seen = {"observed_pool_name": stand_in.observed_pool_name}
    for one in news_of_database(database, seen, as_name=stand_in.azure_name):
        one.tell()
    exchange(database, stand_in)
    life = {name: getattr(database, name) for name in ("ready_at", "created_at", "converted_at")}
    Database.objects.filter(pk=stand_in.pk).update(**life)
    if operation.input["undeletes"]:
        gone = {"deleted_at": database.deleted_at, "restorable_until": database.restorable_until}
        move(stand_in, Status.DELETED, **gone)
    else:
        remove(operation, stand_in)
    move(
        database,
        Status.READY,
        ready_at=now,
        converted_at=None,  # Azure takes back only what was itself converted
        return_alerted_days=None,
        deleted_at=None,
        restorable_until=None,
        error_code="",
        error_message="",
    )
    issue.record_restored(operation, database, slot=operation.choices["slot"])


def _give_up(operation: Operation, database: Database, stand_in: Database) -> None:
    if operation.input["undeletes"]:
        move(database, Status.DELETED)
        ServiceInstance.objects.filter(databases=database).update(deleted_at=database.deleted_at)
    else:
        move(database, Status.READY)
        issue.sweep(operation, database)
    if stand_in.server is None:
        move(stand_in, Status.DELETED, deleted_at=clock.now())
    else:
        remove(operation, stand_in)


def remove(operation: Operation, stand_in: Database) -> None:
    """Drop it by an operation of its own, as any other."""
    move(stand_in, Status.DELETING)
    submit("delete_database", target=stand_in.key, actor=operation.actor, workspace=operation.workspace)


def exchange(one: Database, other: Database) -> None:
    """Give each row the other's Azure name, place and last look; ids, desired columns and status stay."""
    names, first, second = (one.azure_name, other.azure_name), _columns(one), _columns(other)
    rows = Database.objects
    rows.filter(pk=other.pk).update(azure_name=f"exchanged-{other.pk}", **first)
    rows.filter(pk=one.pk).update(azure_name=names[1], **second)
    rows.filter(pk=other.pk).update(azure_name=names[0])


def _columns(database: Database) -> dict[str, object]:
    return {name: getattr(database, name) for name in EXCHANGED}

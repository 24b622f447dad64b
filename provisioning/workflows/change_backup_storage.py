"""A database's backups are kept in storage of another redundancy: asked for at once, true when they have been moved.

Azure says that this takes up to 48 hours, and nobody who is connected notices (Microsoft, automated backups).
"""

from __future__ import annotations

from datetime import timedelta

from cloud import factory
from cloud.changes import DatabaseChange
from cloud.protocols import Accepted, ObservedDatabase
from inventory.models import Database
from inventory.states import Status, move
from operations import locks
from operations.models import Operation
from operations.outcomes import Next, Outcome, StepError, Wait
from operations.workflow import Ending, Workflow, acts, decides
from provisioning import awaiting
from provisioning.holding import hold, place_locks
from provisioning.relocating import free_database
from provisioning.targets import database_of, reference, server_row_of

KIND = "change_backup_storage"
LOOK_SECONDS = 600.0


@decides
def hold_place(operation: Operation) -> Outcome:
    """Keep its place as it is; from here on the database counts as being changed."""
    database = database_of(operation)
    outcome = hold(operation, server_row_of(database), place_locks(database, "changes a database's backups"))
    if isinstance(outcome, Next) and database.status == Status.READY:
        move(database, Status.UPDATING)
    return outcome


@acts
def ask_for_storage(operation: Operation) -> Outcome:
    """Ask Azure, and go on once it shows the wish; what it shows already is not asked for again."""
    database = database_of(operation)
    wanted: str = operation.input["backup"]

    def ask() -> Accepted | None:
        if _asked_for(_seen(database)) == wanted:
            return None
        server = reference(server_row_of(database))
        change = DatabaseChange(backup_redundancy=wanted)
        return factory.sql_management().begin_update_database(server, database.azure_name, change)

    def is_done() -> bool:
        return _asked_for(_seen(database)) == wanted

    return awaiting.ask_and_look(operation, "another backup storage", is_done=is_done, ask=ask)


@decides
def leave_place(operation: Operation) -> Outcome:
    """Nobody has to wait for pool and server while backups are moved, for days."""
    locks.release(operation)
    return Next()


@acts
def await_storage(operation: Operation) -> Outcome:
    """Go on once all backups have been moved."""
    if _seen(database_of(operation)).backup_redundancy == operation.input["backup"]:
        return Next()
    return Wait(LOOK_SECONDS, reason="Azure moves its backups, within 48 hours.")


def settle(operation: Operation, ending: Ending) -> None:
    database = database_of(operation)
    if ending is Ending.SUCCEEDED:
        Database.objects.filter(pk=database.pk).update(backup_redundancy=operation.input["backup"])
    free_database(database)


CHANGE_BACKUP_STORAGE = Workflow(
    kind=KIND,
    settle=settle,
    steps=(hold_place, ask_for_storage, leave_place, await_storage),
    point_of_no_return="ask_for_storage",
    deadline=timedelta(days=4),
    indispensable=("ask_for_storage", "await_storage"),
)


def _seen(database: Database) -> ObservedDatabase:
    seen = factory.sql_management().get_database(reference(server_row_of(database)), database.azure_name)
    if seen is None:
        raise StepError("DatabaseMissing", "Azure does not show the database.", transient=True)
    return seen


def _asked_for(seen: ObservedDatabase) -> str | None:
    return seen.requested_backup_redundancy or seen.backup_redundancy

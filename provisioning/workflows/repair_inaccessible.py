"""A database that Azure had cut off comes back once its key is there again, and gets again what that has cost it.

Lost are pool, tags and retention policies (Microsoft, TDE with customer-managed keys); the history of backups is so for good.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from cloud.errors import InProgress
from cloud.protocols import Accepted, ObservedDatabase
from operations.locks import Lock, Mode
from operations.models import Operation
from operations.outcomes import Next, Outcome, StepError, Wait
from operations.workflow import Ending, Workflow, acts, decides
from provisioning import awaiting, securing
from provisioning.drift.differences import database_differences
from provisioning.drift.putting_back import put_back
from provisioning.holding import hold, place_locks
from provisioning.keys.telling import tell_repaired
from provisioning.relocating import free_database
from provisioning.targets import database_of, management_for, reference, server_row_of
from provisioning.workflows.repair_database import change_back

KIND = "repair_inaccessible"
LOST = ("backup_redundancy", "key", "max_size_bytes", "pool", "sku", "tags")
LOOK_SECONDS = 30.0


@decides
def hold_place(operation: Operation) -> Outcome:
    """Keep its place, and the database itself: nobody else works on what is cut off."""
    database = database_of(operation)
    itself = Lock(database.key, Mode.EXCLUSIVE, "brings the database back")
    return hold(operation, server_row_of(database), [*place_locks(database, "brings a database back"), itself])


@acts
def revalidate_key(operation: Operation) -> Outcome:
    """Ask for it unless Azure serves the database again: asking does not repeat, so the state is read first."""
    database, management = database_of(operation), management_for(operation)
    server, name = reference(server_row_of(database)), database.azure_name

    def ask() -> Accepted:
        return management.begin_revalidate_key(server, name)

    try:
        return awaiting.ask_and_look(operation, "the key", is_done=lambda: _seen(operation).status == "Online", ask=ask)
    except InProgress:  # perhaps our own request, of which we lost the answer
        return Wait(LOOK_SECONDS, reason="Azure works on the database.")


@acts
def put_place_back(operation: Operation) -> Outcome:
    """Pool, size and tags as they were; connections dropped when it was cut off, so no window is waited for."""
    database, management = database_of(operation), management_for(operation)
    server, name = reference(server_row_of(database)), database.azure_name
    return put_back(
        operation,
        _seen(operation),
        differs=lambda seen: database_differences(database, seen, settings.DEPLOYMENT),
        ask=lambda seen, left: management.begin_update_database(
            server, name, change_back(operation, database, seen, left)
        ),
    )


@acts
def put_retention_back(operation: Operation) -> Outcome:
    return securing.ensure_retention(operation, database_of(operation))


@acts
def secure_encryption(operation: Operation) -> Outcome:
    return securing.ensure_encryption(operation, database_of(operation))


@acts
def verify_online(operation: Operation) -> Outcome:
    """Read back once more, after all has been put back."""
    seen = _seen(operation)
    if seen.status != "Online":
        return Wait(LOOK_SECONDS, reason=f"Azure says {seen.status}.")
    return Next()


def settle(operation: Operation, ending: Ending) -> None:
    database = database_of(operation)
    free_database(database)
    if ending is Ending.SUCCEEDED:
        tell_repaired(operation, database)


REPAIR_INACCESSIBLE = Workflow(
    kind=KIND,
    settle=settle,
    steps=(hold_place, revalidate_key, put_place_back, put_retention_back, secure_encryption, verify_online),
    point_of_no_return="revalidate_key",
    deadline=timedelta(hours=24),
    indispensable=("revalidate_key", "put_place_back", "put_retention_back", "verify_online"),
)


def _seen(operation: Operation) -> ObservedDatabase:
    database = database_of(operation)
    seen = management_for(operation).get_database(reference(server_row_of(database)), database.azure_name)
    if seen is None:
        raise StepError("DatabaseMissing", "Azure does not show the database.", transient=True)
    return seen

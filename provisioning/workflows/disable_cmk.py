"""A database goes back from its customer's key to the service's own; old backups still need his."""

from __future__ import annotations

from datetime import timedelta

from cloud.protocols import Accepted
from inventory.models import Database
from operations.models import Operation
from operations.outcomes import Outcome, StepError
from operations.workflow import Ending, Workflow, acts, decides
from provisioning import awaiting
from provisioning.holding import hold, place_locks
from provisioning.keys.using import record_key
from provisioning.relocating import free_database
from provisioning.targets import database_of, management_for, reference, server_row_of
from provisioning.workflows.enable_cmk import wish_as_before

DISABLE = "disable_cmk"


@decides
def hold_place(operation: Operation) -> Outcome:
    """Keep its place as it is meanwhile."""
    database = database_of(operation)
    return hold(operation, server_row_of(database), place_locks(database, "takes a database's key back"))


@acts
def revert_key(operation: Operation) -> Outcome:
    """Ask for it unless Azure shows no key of its own any more: asking does not repeat, so the state is read first."""
    database, management = database_of(operation), management_for(operation)
    server, name = reference(server_row_of(database)), database.azure_name

    def ask() -> Accepted:
        return management.begin_revert_key(server, name)

    def is_done() -> bool:
        seen = management.get_database(server, name)
        if seen is None:
            raise StepError("DatabaseMissing", "Azure does not show the database.", transient=True)
        return seen.key is None and seen.status == "Online"

    return awaiting.ask_and_look(operation, "the service's own key", is_done=is_done, ask=ask)


def settle(operation: Operation, ending: Ending) -> None:
    database = database_of(operation)
    if ending is Ending.SUCCEEDED:
        record_key(database, "")
        Database.objects.filter(pk=database.pk).update(observed_key_uri="")
    else:
        wish_as_before(operation, database)
    free_database(database)


DISABLE_CMK = Workflow(
    kind=DISABLE,
    settle=settle,
    steps=(hold_place, revert_key),
    point_of_no_return="revert_key",
    deadline=timedelta(hours=4),
    indispensable=("revert_key",),
)

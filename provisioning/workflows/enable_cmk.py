"""A database that stands is put under a customer's key, or under another one of his, or back under the service's own.

Azure wraps the database's own key anew and nothing else: that takes seconds, and nobody who is connected notices (Microsoft,
TDE with customer-managed keys at the database level).
"""

from __future__ import annotations

from datetime import timedelta

from inventory.models import Database
from operations.models import Operation
from operations.outcomes import Outcome
from operations.workflow import Ending, Workflow, decides
from provisioning.holding import hold, place_locks
from provisioning.keys.giving import PREPARATION, give_key, shown_key, verify_key
from provisioning.keys.using import record_key
from provisioning.relocating import free_database
from provisioning.targets import database_of, server_row_of

ENABLE, CHANGE = "enable_cmk", "change_cmk_key"


@decides
def hold_place(operation: Operation) -> Outcome:
    """Keep its place as it is meanwhile."""
    database = database_of(operation)
    return hold(operation, server_row_of(database), place_locks(database, "changes a database's key"))


def settle(operation: Operation, ending: Ending) -> None:
    """The wished key stands; or what is wished is again what was before."""
    database = database_of(operation)
    if ending is Ending.SUCCEEDED:
        record_key(database, shown_key(operation, database))
        Database.objects.filter(pk=database.pk).update(observed_key_uri=shown_key(operation, database))
    else:
        wish_as_before(operation, database)
    free_database(database)


def wish_as_before(operation: Operation, database: Database) -> None:
    former = operation.input["former"]
    Database.objects.filter(pk=database.pk).update(key_uri=former["uri"], key_follows=former["follows"])


def _workflow(kind: str) -> Workflow:
    return Workflow(
        kind=kind,
        settle=settle,
        steps=(hold_place, *PREPARATION, give_key, verify_key),
        point_of_no_return="give_key",
        deadline=timedelta(hours=4),
        indispensable=("examine_key", "give_key", "verify_key"),
    )


ENABLE_CMK, CHANGE_CMK_KEY = _workflow(ENABLE), _workflow(CHANGE)

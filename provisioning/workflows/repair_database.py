"""A database that was changed outside of us is put back as its row wants it: place, size, tags, then protection."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from cloud.changes import DatabaseChange
from cloud.protocols import ObservedDatabase, Sku
from inventory.models import Database
from operations.locks import Lock, Mode
from operations.models import Operation
from operations.outcomes import Next, Outcome
from operations.workflow import Workflow, acts, decides
from provisioning import securing
from provisioning.drift.differences import database_differences, database_tags
from provisioning.drift.disturbing import await_owners, disturbs, has_missed
from provisioning.drift.putting_back import put_back, settle, wanted
from provisioning.holding import hold, place_locks
from provisioning.keys.naming import own_key
from provisioning.targets import database_of, management_for, reference, server_row_of


@decides
def await_window(operation: Operation) -> Outcome:
    """Another place or other compute drops connections: that waits for the owner's window, a setting does not."""
    return await_owners(operation, database_of(operation))


@decides
def hold_place(operation: Operation) -> Outcome:
    """Keep its place as it is; whoever works on its credential ends first where connections will drop."""
    database = database_of(operation)
    mode = Mode.EXCLUSIVE if disturbs(operation.target_key, wanted(operation)) else Mode.SHARED
    itself = Lock(database.key, mode, "repairs the database")
    return hold(operation, server_row_of(database), [*place_locks(database, "repairs a database"), itself])


@acts
def put_database_back(operation: Operation) -> Outcome:
    """One PATCH of what still differs; connections drop at its end where pool or compute change."""
    database, management = database_of(operation), management_for(operation)
    server, name = reference(server_row_of(database)), database.azure_name
    return put_back(
        operation,
        management.get_database(server, name),
        differs=lambda seen: database_differences(database, seen, settings.DEPLOYMENT),
        ask=lambda seen, left: management.begin_update_database(
            server, name, change_back(operation, database, seen, left)
        ),
        missed=lambda left: has_missed(operation, database, left),
    )


@acts
def secure_retention(operation: Operation) -> Outcome:
    is_wanted = "retention_days" in wanted(operation)
    return securing.ensure_retention(operation, database_of(operation)) if is_wanted else Next()


@acts
def secure_encryption(operation: Operation) -> Outcome:
    is_wanted = "encryption" in wanted(operation)
    return securing.ensure_encryption(operation, database_of(operation)) if is_wanted else Next()


REPAIR_DATABASE = Workflow(
    kind="repair_database",
    settle=settle,
    steps=(await_window, hold_place, put_database_back, secure_retention, secure_encryption),
    point_of_no_return="put_database_back",
    deadline=timedelta(hours=4),
)


def change_back(operation: Operation, database: Database, seen: ObservedDatabase, left: set[str]) -> DatabaseChange:
    """Tags that others added stay; the tag of the operation tells who changed it last."""
    tags = {**seen.tags, **database_tags(database, settings.DEPLOYMENT), "operation": str(operation.pk)}
    single = database.pool is None
    return DatabaseChange(
        pool_name=database.pool.azure_name if database.pool and "pool" in left else None,
        sku=Sku(database.sku_name, database.service_tier, "Gen5", database.vcores)
        if single and disturbs(database.key, left)
        else None,
        max_size_bytes=database.size_bytes if "max_size_bytes" in left and not single else None,
        backup_redundancy=database.backup_redundancy if "backup_redundancy" in left else None,
        key=own_key(database) if "key" in left else None,
        tags=tags,
    )

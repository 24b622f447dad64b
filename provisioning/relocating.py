"""The steps by which Azure changes a database's size or pool, shared by the workflows that do so."""

from __future__ import annotations

from cloud import factory
from cloud.changes import DatabaseChange
from cloud.errors import InProgress
from cloud.protocols import ObservedDatabase, Sku
from inventory.models import Database, ElasticPool
from inventory.states import Status, move
from operations.locks import Lock, Mode
from operations.models import Operation
from operations.outcomes import END, Next, Outcome, Wait
from operations.workflow import acts, decides, looks
from provisioning import awaiting, runs
from provisioning.holding import hold, let_go
from provisioning.move_windows import is_late, wait_to_move
from provisioning.targets import database_of, reference, server_row_of

DISTURBING = ("move", "scale")
"""Ways of a change that drop connections."""


@looks
def await_place(operation: Operation) -> Outcome:
    """Go on once the pool that it moves to is there."""
    pool = next_pool(operation)
    return awaiting.await_ready(pool) if pool is not None else Next()


@decides
def await_window(operation: Operation) -> Outcome:
    """What drops connections waits for its owner's window; the room that was taken is held meanwhile."""
    if operation.choices.get("way", "move") not in DISTURBING:
        return Next()
    database = database_of(operation)
    outcome = wait_to_move(operation, database)
    if isinstance(outcome, Wait):  # perhaps its window passed while it held its place
        free_database(database)
    return let_go(operation, outcome)


@decides
def hold_place(operation: Operation) -> Outcome:
    """Keep server and both pools as they are; from here on the database counts as being changed."""
    database, pool = database_of(operation), next_pool(operation)
    rows = (server_row_of(database), database.pool, pool)
    reason = f"{operation.kind.partition('_')[0]}s a database"
    keys = sorted({row.key for row in rows if row is not None})
    outcome = hold(operation, server_row_of(database), [Lock(key, Mode.SHARED, reason) for key in keys])
    if isinstance(outcome, Next) and database.status == Status.READY:
        move(database, Status.UPDATING)
    return outcome


@acts
def start_change(operation: Operation) -> Outcome:
    """Ask Azure for the change. Asking twice for the same changes nothing; what is under way from an earlier run is ours."""
    database = database_of(operation)
    where, management = reference(server_row_of(database)), factory.sql_management()
    if operation.maybe_happened and _was_asked(operation, database):
        return awaiting.taken_before(operation)
    if operation.choices.get("way", "move") in DISTURBING and is_late(operation):
        return Next(to="await_window")
    try:
        answer = management.begin_update_database(where, database.azure_name, change_of(operation))
    except InProgress:
        if operation.maybe_happened:
            return awaiting.taken_before(operation)
        raise
    return awaiting.accepted(operation, answer)


@looks
def await_change(operation: Operation) -> Outcome:
    """Go on once a listing shows the database as it shall be; Azure shows new values only when it is done."""
    database = database_of(operation)
    shown = "done" if is_as_wished(operation, database) else database.observed_status
    return awaiting.await_state(operation, database, state=shown, wanted="done", then=END, examine="examine_change")


@acts
def examine_change(operation: Operation) -> Outcome:
    """Read how it goes; ask again where nothing came of it."""
    database = database_of(operation)
    server = server_row_of(database)

    def stands() -> bool:
        return _stands(operation, factory.sql_management().get_database(reference(server), database.azure_name))

    return awaiting.examine_change(
        operation,
        subscription_id=server.subscription_id,
        stands=stands,
        back_to="await_change",
        ask_again="start_change",
    )


def change_of(operation: Operation) -> DatabaseChange:
    """What Azure is asked for, from the choices made before."""
    chosen, pool = operation.choices, next_pool(operation)
    vcores = chosen.get("vcores")
    database = database_of(operation)
    sku_name = chosen.get("sku_name", database.sku_name)
    return DatabaseChange(
        pool_name=pool.azure_name if pool else None,
        max_size_bytes=chosen.get("max_size_bytes"),
        sku=Sku(sku_name, database.service_tier, "Gen5", vcores) if vcores else None,
    )


def is_as_wished(operation: Operation, database: Database) -> bool:
    """Whether the last look at Azure showed what was asked for."""
    change = change_of(operation)
    return (
        database.observed_status == "Online"
        and change.pool_name in (None, database.observed_pool_name)
        and change.max_size_bytes in (None, database.observed_max_size_bytes)
        and (change.sku is None or change.sku.capacity == database.observed_vcores)
    )


def next_pool(operation: Operation) -> ElasticPool | None:
    """The pool in which the operation holds room; None where the database stays in its own."""
    room = operation.choices.get("room")
    return ElasticPool.objects.select_related("server").get(pk=room["pool"]) if room else None


def free_database(database: Database) -> None:
    """The change is over, however it ended: the database serves as before or as wished."""
    if database.status == Status.UPDATING:
        move(database, Status.READY)


def _was_asked(operation: Operation, database: Database) -> bool:
    """Whether an earlier run of ours has reached Azure: it shows what was asked for, or is at it."""
    seen = factory.sql_management().get_database(reference(server_row_of(database)), database.azure_name)
    return _stands(operation, seen) or (seen is not None and runs.under_way(operation, database) is not None)


def _stands(operation: Operation, seen: ObservedDatabase | None) -> bool:
    """Whether Azure shows what was asked for right now."""
    change = change_of(operation)
    return (
        seen is not None
        and seen.status == "Online"
        and change.pool_name in (None, seen.pool_name)
        and change.max_size_bytes in (None, seen.max_size_bytes)
        and (change.sku is None or change.sku.capacity == seen.sku.capacity)
    )

"""Changes of a database: its size, pool, tags and settings, one at a time, shown when they are done."""

from __future__ import annotations

from simulator.arm.backup_storage import check_storage_change, storage_move
from simulator.arm.call import Call, properties_of, tags_of
from simulator.arm.conversions import check_conversion, check_reverse, course_of, perform_cutover
from simulator.arm.database_bodies import changed_body
from simulator.arm.database_keys import encryption_of
from simulator.arm.database_sizes import Place, check_fits, check_pool_takes, place_of
from simulator.arm.errors import ArmError, conflict, invalid
from simulator.arm.names import check_not_reserved
from simulator.arm.polling import accepted
from simulator.arm.resources import Body, Resource
from simulator.arm.server_load import check_server_takes
from simulator.arm.storage import used_bytes
from simulator.http import Response

CREATE, UPDATE = "CreateLogicalDatabase", "UpdateLogicalDatabase"


def update_database(call: Call, server: Resource, database: Resource, body: Body) -> Response:
    """Change size, pool, tags or settings. The new place is held at once, beside the old one; it shows when done."""
    check_not_reserved(database.name)
    _check_mode(call, database, properties_of(body))
    if properties_of(body).get("performCutover"):
        return perform_cutover(call, database)
    check_idle(call, database)
    check_server_idle(call, server)
    if body.get("sku") or properties_of(body).get("elasticPoolId"):
        _check_partners(call, server, database)
    _check_accessible(database)
    check_storage_change(call, database, properties_of(body))
    place = place_of(call, server, body, properties_of(body), database)
    check_conversion(call, database, place)
    check_reverse(call, database, place)
    used = used_bytes(call, database)
    check_takes(call, server, place, database, used)
    encryption = encryption_of(call, body, database)
    after = encryption.on(changed_body(call, database, place, properties_of(body), tags_of(body)))
    check_fits(place, after["properties"]["maxSizeBytes"], used)
    requested = {"requestedServiceObjectiveName": place.objective}
    moving = storage_move(call, database, after, used)
    underway = database.changed(properties=requested, inner=moving).moved(place.held_with(database))
    call.arm.resources.put(underway)
    undo: Body = {"before": database.body, "before_under": list(database.under)}
    course = course_of(call, database, place, used, properties_of(body))
    under = list(place.collections(server.key, database.name))
    effect = {"body": after, "under": under, "encryption": encryption.inner, **undo, **course.effect()}
    return accepted(call, kind="database", word=UPDATE, target=database.id, seconds=course.seconds, **effect)


def _check_accessible(database: Resource) -> None:
    """Without its key a database can only be deleted, or revalidated."""
    if database.properties["status"] == "Inaccessible":
        message = f"The database '{database.name}' cannot reach its encryption key."
        raise ArmError(503, "DatabaseUnavailable", message)


def _check_mode(call: Call, database: Resource, properties: Body) -> None:
    """A copy's or secondary's request may come again; nothing is restored over a database."""
    mode = properties.get("createMode") or "Default"
    if mode in ("PointInTimeRestore", "Restore"):
        message = f"Database '{database.name}' already exists. Choose a different database name."
        raise invalid("DatabaseNameInUse", message)
    linked = call.arm.resources.count(database.key, "replicationLinks")
    if mode in ("Secondary", "OnlineSecondary") and not linked:
        message = f"The destination database name '{database.name}' already exists on the destination server."
        raise conflict("RemoteDatabaseExists", message)
    if mode not in ("Default", "Copy", "Secondary", "OnlineSecondary"):
        raise invalid("InvalidDatabaseCreateMode", f"Invalid request to create a database: createMode '{mode}'.")


def _check_partners(call: Call, server: Resource, database: Resource) -> None:
    """No new size while it is being copied, nor while the other end of a link changes its own."""
    if call.arm.operations.count(f"copies of {database.key}"):
        raise invalid(
            "UpdateNotAllowedIfGeoDrOperationInProgress",
            f"The operation is disallowed because copy or failover operation for database '{database.name}' on server "
            f"'{server.name}' is currently in progress.",
        )
    for link in call.arm.resources.children(database.key, "replicationLinks"):
        running = call.arm.operations.running_on(link.properties["partnerDatabaseId"])
        if running and running.word == UPDATE:
            raise conflict(
                "SimultaneousSkuChangeNotAllowed",
                "Service objective change operations cannot run on both databases of a replication relationship at the "
                "same time.",
            )


def check_idle(call: Call, database: Resource) -> None:
    """One change at a time, those of its links among them."""
    if call.arm.operations.running_on(database.key) or call.arm.operations.count(f"link changes of {database.key}"):
        message = (
            f"There is already some operation on the database '{database.name}' and the current operation should wait "
            "till it is done."
        )
        raise conflict("ConflictingDatabaseOperation", message)


def check_server_idle(call: Call, server: Resource) -> None:
    running = call.arm.operations.running_on(server.key)
    if running and running.method == "DELETE":
        raise conflict(
            "ConflictingServerOperation", f"An operation is currently in progress for the server '{server.name}'."
        )


def check_takes(call: Call, server: Resource, place: Place, current: Resource | None, size: int) -> None:
    """Pool and server have room for it, with its bytes."""
    check_pool_takes(call, place, current, size)
    single_now = current if current and "elasticPoolId" not in current.properties else None
    if place.dtus:
        check_server_takes(call, server, place.dtus, instead_of=single_now)
    if current is None and call.arm.resources.count(server.key, "databases") > call.arm.quotas.databases_per_server:
        limit = call.arm.quotas.databases_per_server
        raise invalid(
            "DatabaseNumberLimitReached", f"Server '{server.name}' has reached its limit of {limit} databases."
        )

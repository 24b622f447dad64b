"""Databases: visible as Creating until they are Online; a change shows its new size only when it is done."""

from __future__ import annotations

from simulator.arm.answers import page, show
from simulator.arm.call import Call, properties_of, tags_of
from simulator.arm.database_bodies import changed_body, new_body
from simulator.arm.database_sizes import Place, check_pool_takes, place_of
from simulator.arm.errors import conflict, invalid
from simulator.arm.names import check_child_name, check_not_reserved
from simulator.arm.polling import accepted
from simulator.arm.resources import Body, Resource
from simulator.arm.routing import DATABASE, SERVER, route
from simulator.arm.server_load import check_server_takes, databases_named, dropped_collection
from simulator.http import Response

CREATE, UPDATE, DROP = "CreateLogicalDatabase", "UpdateLogicalDatabase", "DropLogicalDatabase"
EMPTY_BYTES = 4_259_840


@route("PUT", DATABASE)
def put_database(call: Call) -> Response:
    """Create a database, or change one (there is no If-None-Match): 202 either way."""
    server, body = call.server(), call.body()
    name = call.names["database"]
    check_child_name(name)
    check_not_reserved(name)
    properties = properties_of(body)
    _check_mode(properties)
    existing = call.arm.resources.get(call.id(DATABASE))
    if existing:
        return _update(call, server, existing, body)
    _check_server_idle(call, server)
    place = place_of(call, server, body, properties)
    _check_takes(call, server, place, None)
    database = _new(call, server, place, body)
    call.arm.resources.put(database)
    seconds = call.arm.seconds(300, 600) if place.is_hyperscale else call.arm.seconds(30, 60)
    return accepted(call, kind="database", word=CREATE, target=database.id, seconds=seconds)


def _check_mode(properties: Body) -> None:
    mode = properties.get("createMode")
    if mode not in (None, "Default"):
        message = f"The request body for the create or update database operation is invalid: createMode '{mode}'."
        raise invalid("InvalidDatabaseCreateOrUpdateRequest", message)


def _check_server_idle(call: Call, server: Resource) -> None:
    running = call.arm.operations.running_on(server.key)
    if running and running.method == "DELETE":
        raise conflict(
            "ConflictingServerOperation", f"An operation is currently in progress for the server '{server.name}'."
        )


def _check_takes(call: Call, server: Resource, place: Place, current: Resource | None) -> None:
    check_pool_takes(call, place, current)
    single_now = current if current and "elasticPoolId" not in current.properties else None
    if place.dtus:
        check_server_takes(call, server, place.dtus, instead_of=single_now)
    if current is None and call.arm.resources.count(server.key, "databases") > call.arm.quotas.databases_per_server:
        message = (
            f"The server '{server.name}' has reached its limit of {call.arm.quotas.databases_per_server} databases."
        )
        raise conflict("ServerDatabaseQuotaExceeded", message)


def _new(call: Call, server: Resource, place: Place, body: Body) -> Resource:
    id_ = f"{server.id}/databases/{call.names['database']}"
    under = place.collections(server.key, call.names["database"])
    inner = {"used_bytes": EMPTY_BYTES, "tde": "Enabled", "retention_days": 7, "diff_hours": 12}
    return Resource(id_, "databases", under, new_body(call, server, place, body, id_), inner)


@route("PATCH", DATABASE)
def patch_database(call: Call) -> Response:
    return _update(call, call.server(), call.existing(DATABASE), call.body())


def _update(call: Call, server: Resource, database: Resource, body: Body) -> Response:
    """Change size, pool, tags or settings. The new place is taken at once, shown when done."""
    check_not_reserved(database.name)
    check_idle(call, database)
    _check_server_idle(call, server)
    place = place_of(call, server, body, properties_of(body), database)
    _check_takes(call, server, place, database)
    after = changed_body(database, place, properties_of(body), tags_of(body))
    requested = {"requestedServiceObjectiveName": place.objective}
    underway = database.changed(properties=requested).moved(place.collections(server.key, database.name))
    call.arm.resources.put(underway)
    seconds = call.arm.seconds(30, 76)
    undo: Body = {"before": database.body, "before_under": list(database.under)}
    return accepted(call, kind="database", word=UPDATE, target=database.id, seconds=seconds, body=after, **undo)


def check_idle(call: Call, database: Resource) -> None:
    """One change at a time."""
    if call.arm.operations.running_on(database.key):
        message = (
            f"There is already some operation on the database '{database.name}' and the current operation should wait "
            "till it is done."
        )
        raise conflict("ConflictingDatabaseOperation", message)


@route("GET", DATABASE)
def get_database(call: Call) -> Response:
    return show(call, call.shown(DATABASE))


@route("GET", SERVER + "/databases")
def list_databases(call: Call) -> Response:
    """All, `master` among them."""
    return page(call, call.arm.resources.seen_children(call.server().key, "databases"))


@route("POST", DATABASE + "/move")
def rename_database(call: Call) -> Response:
    """200 without a body, at once: `id` is the new ARM id, on the same server."""
    server, database = call.server(), call.existing(DATABASE)
    name = str(call.body().get("id") or "").rsplit("/", 1)[-1]
    check_not_reserved(database.name)
    check_child_name(name)
    check_not_reserved(name)
    check_idle(call, database)
    id_ = f"{server.id}/databases/{name}"
    if call.arm.resources.get(id_):
        raise invalid("NameAlreadyExists", f"The name '{name}' already exists. Choose a different name.")
    under = (*database.under[:2], databases_named(name))
    call.arm.resources.delete(database.key)
    call.arm.resources.put(
        Resource(id_, "databases", under, {**database.body, "id": id_, "name": name}, database.inner)
    )
    call.record("RenameLogicalDatabase", id_)
    return Response(200)


@route("DELETE", DATABASE)
def delete_database(call: Call) -> Response:
    """202, also again soon after (its result is 204 then); 204 when there never was one; 400 for master."""
    server = call.server()
    check_not_reserved(call.names["database"])
    database = call.arm.resources.get(call.id(DATABASE))
    if database is None:
        return _deleted_before(call, server)
    check_idle(call, database)
    _check_server_idle(call, server)
    return accepted(call, kind="database", word=DROP, target=database.id, seconds=call.arm.seconds(8, 15))


def _deleted_before(call: Call, server: Resource) -> Response:
    id_ = f"{server.id}/databases/{call.names['database']}"
    dropped = call.arm.resources.count(
        dropped_collection(server.key, call.names["database"]), "restorableDroppedDatabases"
    )
    if not dropped or call.arm.operations.running_on(id_):
        return Response(204)
    return accepted(call, kind="database", word=DROP, target=id_, seconds=0, absent=True)

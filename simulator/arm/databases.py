"""Databases: visible as Creating (Copying, Restoring) until they are Online; a change shows when it is done."""

from __future__ import annotations

import re
from datetime import datetime

from simulator.arm.answers import page, show
from simulator.arm.call import Call, properties_of, tags_of
from simulator.arm.database_bodies import new_body
from simulator.arm.database_changes import CREATE, check_idle, check_server_idle, check_takes, update_database
from simulator.arm.database_keys import encryption_of, keys_shown
from simulator.arm.database_sizes import Place, check_fits, kept_bytes, place_like, place_of
from simulator.arm.errors import invalid
from simulator.arm.limits import EMPTY_BYTES
from simulator.arm.names import check_child_name, check_not_reserved
from simulator.arm.origins import COPY, RESTORE, Origin, origin_of
from simulator.arm.polling import accepted
from simulator.arm.pool_settings import check_zone_of_pool
from simulator.arm.replication import begin_links
from simulator.arm.resources import Body, Resource
from simulator.arm.restore_queue import lines_of, seconds_in_line
from simulator.arm.routing import DATABASE, POOL, SERVER, route
from simulator.arm.server_load import databases_named, dropped_collection
from simulator.http import Response

DROP = "DropLogicalDatabase"


@route("PUT", DATABASE)
def put_database(call: Call) -> Response:
    """Create a database, or change one (there is no If-None-Match): 202 either way."""
    server, body = call.server(), call.body()
    check_child_name(call.names["database"])
    check_not_reserved(call.names["database"])
    existing = call.arm.resources.get(call.id(DATABASE))
    if existing:
        return update_database(call, server, existing, body)
    check_server_idle(call, server)
    origin = origin_of(call, server, properties_of(body))
    return _create(call, server, body) if origin is None else _create_from(call, server, body, origin)


def _create(call: Call, server: Resource, body: Body) -> Response:
    place = place_of(call, server, body, properties_of(body))
    check_takes(call, server, place, None, EMPTY_BYTES)
    encryption = encryption_of(call, body)
    inner: Body = {"used_bytes": EMPTY_BYTES, "tde": "Enabled", **encryption.inner}
    shown = new_body(call, server, place, properties_of(body), tags=tags_of(body), status="Creating")
    shown = encryption.on(shown)
    database = _put(call, server, place, shown, inner)
    seconds = call.arm.seconds(300, 510) if place.is_hyperscale else call.arm.seconds(30, 60)
    return accepted(call, kind="database", word=CREATE, target=database.id, seconds=seconds)


def _create_from(call: Call, server: Resource, body: Body, origin: Origin) -> Response:
    """A copy, a restored database or a secondary: it becomes Online with the users and data of its source."""
    place = place_like(call, server, body, properties_of(body), origin.body)
    _check_tiers(origin, place)
    check_takes(call, server, place, None, origin.used_bytes)
    size = kept_bytes(place, origin.body)
    asked = {"maxSizeBytes": size, **origin.asked(properties_of(body)), "secondaryType": origin.link}
    shown = new_body(call, server, place, asked, tags=tags_of(body), status=origin.status)
    check_fits(place, shown["properties"]["maxSizeBytes"], origin.used_bytes)
    if origin.word == RESTORE and place.pool and "licenseType" in origin.properties:
        shown["properties"]["licenseType"] = origin.properties["licenseType"]  # as recorded; a copy shows none there
    encryption = encryption_of(call, body, source=origin.body if origin.link == "Geo" else None)
    inner = {"used_bytes": origin.used_bytes, "tde": origin.inner["tde"], **encryption.inner}
    database = _put(call, server, place, encryption.on(shown), inner)
    if origin.link:
        begin_links(call, origin.id, database, origin.link)
    effect: Body = {"source": origin.database_id, "until": origin.until, "counts": _counts(call, origin, place)}
    seconds = origin.seconds(call, place)
    seconds += seconds_in_line(call, place, seconds) if origin.word == RESTORE else 0.0
    return accepted(call, kind="database", word=origin.word, target=database.id, seconds=seconds, **effect)


def _counts(call: Call, origin: Origin, place: Place) -> list[str]:
    if origin.word == RESTORE:
        return lines_of(call, place)
    return [f"copies of {origin.id.lower()}", *([f"copies in {place.pool.key}"] if place.pool else [])]


def _check_tiers(origin: Origin, place: Place) -> None:
    """Backups of Hyperscale are of use to Hyperscale alone; a copy or secondary leaves it neither."""
    was_hyperscale = origin.body["sku"]["tier"] == "Hyperscale"
    if was_hyperscale == place.is_hyperscale:
        _check_link_tier(origin, place)
        return
    if origin.word == RESTORE:
        raise invalid(
            "InvalidVldbRestoreSlo",
            "The Hyperscale edition Point-In-Time restore requires both source and target databases to use Hyperscale "
            "service level objective.",
        )
    if was_hyperscale:
        message = "The target database cannot have lower edition than the source database."
        raise invalid("TargetDatabaseEditionCouldNotBeDowngraded", message)


def _check_link_tier(origin: Origin, place: Place) -> None:
    """Both ends of a link are of one service tier."""
    tier = origin.body["sku"]["tier"]
    if origin.link and tier != place.tier:
        raise invalid(
            "InvalidTier", f"A secondary in tier '{place.tier}' of a primary in tier '{tier}' is not supported."
        )


def _put(call: Call, server: Resource, place: Place, body: Body, inner: Body) -> Resource:
    check_zone_of_pool(place.pool, body["properties"])
    under = place.collections(server.key, call.names["database"])
    known = {"retention_days": 7, "diff_hours": 12, "snapshots": place.is_hyperscale, **inner}
    database = Resource(body["id"], "databases", under, body, known)
    call.arm.resources.put(database)
    return database


@route("PATCH", DATABASE)
def patch_database(call: Call) -> Response:
    return update_database(call, call.server(), call.existing(DATABASE), call.body())


@route("GET", DATABASE)
def get_database(call: Call) -> Response:
    """With `$expand=keys` also its keys; with `keys($filter=pointInTime('…'))` those that it had at that moment."""
    database = call.shown(DATABASE)
    expand = call.request.query.get("$expand", "")
    if expand.startswith("keys"):
        database = database.changed(properties={"keys": keys_shown(database, at=_moment_of_keys(expand))})
    return show(call, database)


def _moment_of_keys(expand: str) -> float | None:
    found = re.search(r"pointInTime\('([^']*)'\)", expand)
    try:
        return datetime.fromisoformat(found[1]).timestamp() if found else None
    except ValueError as error:
        raise invalid("InvalidFilterInQueryString", "The point in time of the filter cannot be read.") from error


@route("GET", SERVER + "/databases")
def list_databases(call: Call) -> Response:
    """All, `master` among them."""
    return page(call, call.arm.resources.seen_children(call.server().key, "databases"))


@route("GET", POOL + "/databases")
def list_databases_of_pool(call: Call) -> Response:
    return page(call, call.arm.resources.seen_children(call.shown(POOL).key, "databases"))


@route("GET", SERVER + "/inaccessibleDatabases")
def list_inaccessible(call: Call) -> Response:
    """Those that lost their encryption key."""
    databases = call.arm.resources.seen_children(call.server().key, "databases")
    return page(call, [one for one in databases if one.properties["status"] == "Inaccessible"])


@route("POST", DATABASE + "/move")
def rename_database(call: Call) -> Response:
    """200 without a body, at once: `id` is the new ARM id, on the same server."""
    server, database = call.server(), call.existing(DATABASE)
    check_not_reserved(database.name)
    id_ = _new_id(call, server)
    check_idle(call, database)
    _check_unlinked(call, database)
    under = (*database.under[:2], databases_named(id_.rsplit("/", 1)[1]))
    call.arm.resources.delete(database.key)
    kept = {name: value for name, value in database.body.items() if name != "identity"}  # a rename breaks it
    body = {**kept, "id": id_, "name": id_.rsplit("/", 1)[1]}
    renamed = Resource(id_, "databases", under, body, database.inner)
    call.arm.resources.put(renamed)
    call.arm.key_watch.follow(renamed)
    call.record("RenameLogicalDatabase", id_)
    return Response(200)


def _new_id(call: Call, server: Resource) -> str:
    """The id asked for: of this server, well formed and free."""
    asked = str(call.body().get("id") or "")
    if "/databases/" not in asked.lower():
        raise invalid("InvalidMoveTargetResourceId", "The target resource identifier in move request is invalid.")
    parent, name = asked.rsplit("/", 1)
    _check_parent(parent.lower().split("/"), server.key.split("/"))
    check_child_name(name)
    check_not_reserved(name)
    if call.arm.resources.get(f"{server.id}/databases/{name}"):
        raise invalid("NameAlreadyExists", f"The name '{name}' already exists. Choose a different name.")
    return f"{server.id}/databases/{name}"


def _check_parent(asked: list[str], own: list[str]) -> None:
    """400 for another subscription, resource group or server than the URL's, in this order."""
    if asked[:3] != own[:3]:
        message = "The provided subscription did not match the subscription in the Url."
        raise invalid("MismatchingSubscriptionWithUrl", message)
    if asked[:5] != own[:5]:
        message = "The provided resource group name did not match the name in the Url."
        raise invalid("MismatchingResourceGroupNameWithUrl", message)
    if asked != [*own, "databases"]:
        raise invalid("MismatchingServerNameWithUrl", "The provided server name did not match the name in the Url.")


def _check_unlinked(call: Call, database: Resource) -> None:
    if call.arm.resources.count(database.key, "replicationLinks"):
        raise invalid(
            "UpdateNotAllowedInCurrentReplicationState",
            "The operation is disallowed on the database in its current replication state.",
        )


@route("DELETE", DATABASE)
def delete_database(call: Call) -> Response:
    """202, also again soon after (its result is 204 then); 204 when there never was one; 400 for master.

    Deleting the target is how a copy or a restore in progress is cancelled.
    """
    server = call.server()
    check_not_reserved(call.names["database"])
    database = call.arm.resources.get(call.id(DATABASE))
    if database is None:
        return _deleted_before(call, server)
    running = call.arm.operations.running_on(database.key)
    if running and running.word in (COPY, RESTORE):
        call.arm.operations.interrupt(running)
    check_idle(call, database)
    check_server_idle(call, server)
    return accepted(call, kind="database", word=DROP, target=database.id, seconds=call.arm.seconds(8, 15))


def _deleted_before(call: Call, server: Resource) -> Response:
    id_ = f"{server.id}/databases/{call.names['database']}"
    dropped = call.arm.resources.count(
        dropped_collection(server.key, call.names["database"]), "restorableDroppedDatabases"
    )
    if not dropped or call.arm.operations.running_on(id_):
        return Response(204)
    return accepted(call, kind="database", word=DROP, target=id_, seconds=0, absent=True)

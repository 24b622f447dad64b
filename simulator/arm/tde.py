"""Transparent data encryption of a database: on from the start."""

from __future__ import annotations

from typing import Any

from simulator.arm.call import Call, properties_of
from simulator.arm.database_changes import check_idle
from simulator.arm.errors import invalid, not_found
from simulator.arm.names import check_not_reserved
from simulator.arm.operations import Operation
from simulator.arm.polling import accepted
from simulator.arm.resources import Resource, Resources
from simulator.arm.routing import DATABASE, route
from simulator.http import Response, answer

TYPE = "Microsoft.Sql/servers/databases/transparentDataEncryption"
KIND, WORD = "transparentDataEncryption", "UpdateLogicalDatabase"
TDE = DATABASE + "/transparentDataEncryption/{tde}"


def _body(database: Resource, state: str) -> dict[str, Any]:
    id_ = f"{database.id}/transparentDataEncryption/current"
    return {"properties": {"state": state}, "id": id_, "name": "current", "type": TYPE}


@route("GET", TDE)
def get_tde(call: Call) -> Response:
    database = call.shown(DATABASE)
    _check_name(call)
    return answer(200, _body(database, database.inner["tde"]))


@route("GET", DATABASE + "/transparentDataEncryption")
def list_tde(call: Call) -> Response:
    database = call.shown(DATABASE)
    return answer(200, {"value": [_body(database, database.inner["tde"])]})


@route("PUT", TDE)
def put_tde(call: Call) -> Response:
    """200 when nothing changes, else 202."""
    database = call.existing(DATABASE)
    _check_name(call)
    check_not_reserved(database.name)
    properties = properties_of(call.body())
    state = properties.get("state") or properties.get("status")
    if state not in ("Enabled", "Disabled"):
        message = 'Please enter a valid state. Please use "Enabled" or "Disabled".'
        raise invalid("InvalidTransparentDataEncryptionUpdateRequest", message)
    check_idle(call, database)
    shown = _body(database, state)
    if state == database.inner["tde"]:
        return answer(200, shown)
    seconds = call.arm.seconds(20, 40)
    return accepted(call, kind=KIND, word=WORD, target=database.id, seconds=seconds, state=state, shown=shown)


def _check_name(call: Call) -> None:
    if call.names["tde"].lower() != "current":
        raise not_found(TYPE, call.names["tde"])


def finish_tde(resources: Resources, operation: Operation) -> None:
    database = resources.get(operation.target)
    if database:
        resources.put(database.changed(inner={"tde": operation.effect["state"]}))

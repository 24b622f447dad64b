"""Dropped databases that may still be restored, until their retention ends."""

from __future__ import annotations

from simulator.arm.answers import page
from simulator.arm.call import Call
from simulator.arm.errors import not_found
from simulator.arm.resources import Resource
from simulator.arm.routing import SERVER, route
from simulator.http import Response, answer

DROPPED = SERVER + "/restorableDroppedDatabases"


@route("GET", DROPPED)
def list_dropped(call: Call) -> Response:
    rows = call.arm.resources.seen_children(call.server().key, "restorableDroppedDatabases")
    return page(call, [row for row in rows if _is_kept(call, row)])


@route("GET", DROPPED + "/{dropped}")
def get_dropped(call: Call) -> Response:
    call.server()
    row = call.arm.resources.seen(call.id(DROPPED + "/{dropped}"))
    if row is None or not _is_kept(call, row):
        raise not_found("Microsoft.Sql/servers/restorableDroppedDatabases", call.names["dropped"])
    return answer(200, row.body)


def _is_kept(call: Call, row: Resource) -> bool:
    return bool(row.inner["restorable_until"] > call.now)

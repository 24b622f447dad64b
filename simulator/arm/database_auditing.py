"""Auditing of one database, beside its server's: written at once."""

from __future__ import annotations

from typing import Any

from simulator.arm.auditing import EXTENDED, OFF, PLAIN, audit_kind, audit_policy
from simulator.arm.call import Call, properties_of
from simulator.arm.resources import Body, Resource
from simulator.arm.routing import DATABASE, route
from simulator.http import Response, answer


def _body(database: Resource, kind: str, properties: Body) -> dict[str, Any]:
    id_ = f"{database.id}/{kind}/Default"
    return {"properties": properties, "id": id_, "name": "Default", "type": f"Microsoft.Sql/servers/databases/{kind}"}


def get_auditing(call: Call) -> Response:
    database = call.shown(DATABASE)
    return answer(200, _body(database, audit_kind(call), database.inner.get("auditing") or OFF))


def list_auditing(call: Call) -> Response:
    database = call.shown(DATABASE)
    return answer(200, {"value": [_body(database, audit_kind(call), database.inner.get("auditing") or OFF)]})


def put_auditing(call: Call) -> Response:
    """201 for the first policy, 200 for a changed one."""
    database = call.existing(DATABASE)
    properties = audit_policy(properties_of(call.body()))
    is_new = "auditing" not in database.inner
    call.arm.resources.put(database.changed(inner={"auditing": properties}))
    call.record("UpsertDatabaseEngineAuditingPolicy", database.id)
    return answer(201 if is_new else 200, _body(database, audit_kind(call), properties))


for _name in (PLAIN, EXTENDED):
    route("GET", f"{DATABASE}/{_name}/{{policy}}")(get_auditing)
    route("GET", f"{DATABASE}/{_name}")(list_auditing)
    route("PUT", f"{DATABASE}/{_name}/{{policy}}")(put_auditing)

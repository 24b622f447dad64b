"""Auditing of a server: one policy, reached by its plain and by its extended name, for all of its databases."""

from __future__ import annotations

from typing import Any

from simulator.arm.call import Call, properties_of
from simulator.arm.errors import conflict, invalid
from simulator.arm.operations import Operation
from simulator.arm.polling import accepted
from simulator.arm.resources import Body, Resource, Resources
from simulator.arm.routing import SERVER, route
from simulator.http import Response, answer

WORD = "UpsertServerEngineAuditingPolicy"
PLAIN, EXTENDED = "auditingSettings", "extendedAuditingSettings"
DEFAULT_GROUPS = [
    "SUCCESSFUL_DATABASE_AUTHENTICATION_GROUP",
    "FAILED_DATABASE_AUTHENTICATION_GROUP",
    "BATCH_COMPLETED_GROUP",
]
OFF: Body = {
    "retentionDays": 0,
    "auditActionsAndGroups": [],
    "isStorageSecondaryKeyInUse": False,
    "isAzureMonitorTargetEnabled": False,
    "isManagedIdentityInUse": False,
    "state": "Disabled",
    "storageEndpoint": "",
    "storageAccountSubscriptionId": "00000000-0000-0000-0000-000000000000",
}
_SETTABLE = (*OFF, "isDevopsAuditEnabled", "queueDelayMs", "predicateExpression")


def audit_kind(call: Call) -> str:
    return EXTENDED if f"/{EXTENDED}".lower() in call.request.path.lower() else PLAIN


def _body(server: Resource, kind: str, properties: Body) -> dict[str, Any]:
    id_ = f"{server.id}/{kind}/Default"
    return {"properties": properties, "id": id_, "name": "Default", "type": f"Microsoft.Sql/servers/{kind}"}


def get_auditing(call: Call) -> Response:
    server = call.server()
    return answer(200, _body(server, audit_kind(call), server.inner.get("auditing") or OFF))


def list_auditing(call: Call) -> Response:
    server = call.server()
    return answer(200, {"value": [_body(server, audit_kind(call), server.inner.get("auditing") or OFF)]})


def put_auditing(call: Call) -> Response:
    """202. On without a destination is refused."""
    server = call.server()
    properties = audit_policy(properties_of(call.body()))
    kind = audit_kind(call)
    target = f"{server.id}/{PLAIN}/Default"
    if call.arm.operations.running_on(target):
        raise conflict("ConflictingServerOperation", f"An operation is in progress for auditing of '{server.name}'.")
    effect: Body = {"server": server.key, "properties": properties, "shown": _body(server, kind, properties)}
    return accepted(call, kind=kind, word=WORD, target=target, seconds=call.arm.seconds(2, 12), **effect)


def audit_policy(asked: Body) -> Body:
    """The policy that a request asks for; one that is on needs a destination."""
    if asked.get("state") not in ("Enabled", "Disabled"):
        raise invalid(
            "InvalidParameterValue", "Invalid value given for parameter state. Specify a valid parameter value."
        )
    given = {name: asked[name] for name in _SETTABLE if asked.get(name) is not None}
    properties: Body = {**OFF, **given}
    if properties["state"] == "Enabled":
        _check_destination(properties)
        properties["auditActionsAndGroups"] = properties["auditActionsAndGroups"] or DEFAULT_GROUPS
    return properties


def _check_destination(properties: Body) -> None:
    if not properties["storageEndpoint"] and not properties["isAzureMonitorTargetEnabled"]:
        message = "Either storageEndpoint or isAzureMonitorTargetEnabled is required to enable auditing."
        raise invalid("BlobAuditingInsufficientStorageAccountPermissions", message)


for _name in (PLAIN, EXTENDED):
    route("GET", f"{SERVER}/{_name}/{{policy}}")(get_auditing)
    route("GET", f"{SERVER}/{_name}")(list_auditing)
    route("PUT", f"{SERVER}/{_name}/{{policy}}")(put_auditing)


def finish_auditing(resources: Resources, operation: Operation) -> None:
    server = resources.get(operation.effect["server"])
    if server:
        resources.put(server.changed(inner={"auditing": operation.effect["properties"]}))

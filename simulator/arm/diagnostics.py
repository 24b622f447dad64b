"""Diagnostic settings of servers, pools and databases: which logs and metrics go where."""

from __future__ import annotations

from typing import Any

from simulator.arm.call import Call, properties_of
from simulator.arm.errors import ArmError
from simulator.arm.resources import Body, Resource
from simulator.arm.routing import DATABASE, POOL, SERVER, route
from simulator.http import Response, answer

TYPE = "Microsoft.Insights/diagnosticSettings"
KIND = "diagnosticSettings"
SINKS = ("storageAccountId", "workspaceId", "eventHubAuthorizationRuleId", "serviceBusRuleId", "marketplacePartnerId")
MOST = 5


def put_setting(call: Call) -> Response:
    """200, at once. It needs a destination; a resource has at most five."""
    resource = _resource(call)
    asked = properties_of(call.body())
    if not any(asked.get(sink) for sink in SINKS):
        raise _refused(400, "BadRequest", "At least one data sink needs to be specified.")
    if not asked.get("logs") and not asked.get("metrics"):
        raise _refused(400, "BadRequest", "At least one category of logs or metrics needs to be specified.")
    setting = _setting(call, resource, asked)
    settings = call.arm.resources.count(resource.key, KIND)
    if call.arm.resources.get(setting.key) is None and settings >= MOST:
        raise _refused(409, "Conflict", f"The resource '{resource.id}' has {MOST} diagnostic settings already.")
    call.arm.resources.put(setting)
    call.record("PutDiagnosticSetting", setting.id)
    return answer(200, setting.body)


def _refused(status: int, code: str, message: str) -> ArmError:
    return ArmError(status, code, message)


def _setting(call: Call, resource: Resource, asked: Body) -> Resource:
    id_ = f"{resource.key}/providers/microsoft.insights/diagnosticSettings/{call.names['setting']}"
    properties = {
        **{sink: asked.get(sink) for sink in SINKS},
        "eventHubName": asked.get("eventHubName"),
        "metrics": [_category(one) for one in asked.get("metrics") or []],
        "logs": [_category(one) for one in asked.get("logs") or []],
        "logAnalyticsDestinationType": asked.get("logAnalyticsDestinationType"),
    }
    body = {
        "id": id_,
        "type": TYPE,
        "name": call.names["setting"],
        "location": None,
        "kind": None,
        "tags": None,
        "properties": properties,
        "identity": None,
    }
    return Resource(id_, KIND, (resource.key,), body)


def _category(asked: Any) -> dict[str, Any]:
    if not isinstance(asked, dict):
        raise _refused(400, "BadRequest", "A category of logs or metrics is not an object.")
    name = "category" if asked.get("category") else "categoryGroup"
    retention = asked.get("retentionPolicy") or {"enabled": False, "days": 0}
    return {name: asked.get(name), "enabled": bool(asked.get("enabled")), "retentionPolicy": retention}


def _resource(call: Call) -> Resource:
    template = POOL if "pool" in call.names else DATABASE if "database" in call.names else SERVER
    return call.server() if template == SERVER else call.existing(template)


def _found(call: Call) -> Resource | None:
    id_ = f"{_resource(call).key}/providers/microsoft.insights/diagnosticSettings/{call.names['setting']}"
    return call.arm.resources.get(id_)


def get_setting(call: Call) -> Response:
    found = _found(call)
    if found is None:
        raise _refused(404, "ResourceNotFound", f"The diagnostic setting '{call.names['setting']}' doesn't exist.")
    return answer(200, found.body)


def list_settings(call: Call) -> Response:
    return answer(200, {"value": [one.body for one in call.arm.resources.children(_resource(call).key, KIND)]})


def delete_setting(call: Call) -> Response:
    """200, or 204 when there is none."""
    found = _found(call)
    if found is None:
        return Response(204)
    call.arm.resources.delete(found.key)
    call.record("DeleteDiagnosticSetting", found.id)
    return Response(200)


for _template in (SERVER, POOL, DATABASE):
    _settings = f"{_template}/providers/Microsoft.Insights/diagnosticSettings"
    route("GET", _settings)(list_settings)
    route("PUT", _settings + "/{setting}")(put_setting)
    route("GET", _settings + "/{setting}")(get_setting)
    route("DELETE", _settings + "/{setting}")(delete_setting)

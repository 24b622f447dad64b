"""The Entra administrator of a server, and whether Entra alone may sign in."""

from __future__ import annotations

from typing import Any

from simulator.arm.call import Call, properties_of
from simulator.arm.errors import conflict, invalid, not_found
from simulator.arm.operations import Operation
from simulator.arm.polling import accepted
from simulator.arm.resources import Body, Resource, Resources
from simulator.arm.routing import SERVER, route
from simulator.http import Response, answer

ADMINISTRATOR = SERVER + "/administrators/{administrator}"
ONLY = SERVER + "/azureADOnlyAuthentications/{authentication}"
CREATE, UPDATE = "CreateActiveDirectoryAdministrator", "UpdateActiveDirectoryAdministrator"
DROP, ENTRA_ONLY = "DropActiveDirectoryAdministrator", "UpsertAzureADOnlyAuthentication"
KIND, ONLY_KIND = "serverAdministrator", "serverAzureADOnlyAuthentication"


def _administrator(server: Resource) -> Body | None:
    found: Body | None = server.properties.get("administrators")
    return found


def _body(server: Resource, administrator: Body) -> dict[str, Any]:
    shown = {name: administrator[name] for name in ("administratorType", "login", "sid", "tenantId")}
    id_ = f"{server.id}/administrators/ActiveDirectory"
    return {"properties": shown, "id": id_, "name": "ActiveDirectory", "type": "Microsoft.Sql/servers"}


@route("GET", ADMINISTRATOR)
def get_administrator(call: Call) -> Response:
    server = call.server()
    administrator = _administrator(server)
    if administrator is None:
        raise not_found("Microsoft.Sql/servers/administrators", call.names["administrator"])
    return answer(200, _body(server, administrator))


@route("GET", SERVER + "/administrators")
def list_administrators(call: Call) -> Response:
    server = call.server()
    administrator = _administrator(server)
    return answer(200, {"value": [_body(server, administrator)] if administrator else []})


@route("PUT", ADMINISTRATOR)
def put_administrator(call: Call) -> Response:
    """202, for a new one and a changed one."""
    server, asked = call.server(), properties_of(call.body())
    for name in ("login", "sid"):
        if not asked.get(name):
            raise invalid(
                "InvalidParameterValue", f"Invalid value given for parameter {name}. Specify a valid parameter value."
            )
    _check_idle(call, server)
    before = _administrator(server)
    administrator: Body = {
        "administratorType": "ActiveDirectory",
        "principalType": asked.get("principalType") or "Group",
        "login": asked["login"],
        "sid": asked["sid"],
        "tenantId": asked.get("tenantId") or call.arm.entra.tenant,
        "azureADOnlyAuthentication": bool(before and before["azureADOnlyAuthentication"]),
    }
    shown = _body(server, administrator)
    return _change(call, server, UPDATE if before else CREATE, administrator, shown)


@route("DELETE", ADMINISTRATOR)
def delete_administrator(call: Call) -> Response:
    """202; 204 when there is none; refused while only Entra may sign in."""
    server = call.server()
    administrator = _administrator(server)
    if administrator is None:
        return Response(204)
    if administrator["azureADOnlyAuthentication"]:
        message = "The administrator cannot be deleted while Azure AD only authentication is enabled on this server."
        raise invalid("AadOnlyAuthenticationIsEnabled", message)
    _check_idle(call, server)
    return _change(call, server, DROP, None, None)


def _change(call: Call, server: Resource, word: str, administrator: Body | None, shown: Body | None) -> Response:
    effect: Body = {"server": server.key, "administrator": administrator, "shown": shown}
    seconds = call.arm.seconds(8, 15)
    return accepted(call, kind=KIND, word=word, target=_target(server), seconds=seconds, retry_after=1, **effect)


def _target(server: Resource) -> str:
    return f"{server.id}/administrators/ActiveDirectory"


def _check_idle(call: Call, server: Resource) -> None:
    if call.arm.operations.running_on(_target(server)):
        message = f"An operation is currently in progress for the server '{server.name}'."
        raise conflict("ConflictingServerOperation", message)


def _only_body(server: Resource, *, only: bool) -> dict[str, Any]:
    id_ = f"{server.id}/azureADOnlyAuthentications/Default"
    type_ = "Microsoft.Sql/servers/azureADOnlyAuthentications"
    return {"properties": {"azureADOnlyAuthentication": only}, "id": id_, "name": "Default", "type": type_}


def _is_only(server: Resource) -> bool:
    return bool((_administrator(server) or {}).get("azureADOnlyAuthentication"))


@route("GET", ONLY)
def get_entra_only(call: Call) -> Response:
    server = call.server()
    return answer(200, _only_body(server, only=_is_only(server)))


@route("GET", SERVER + "/azureADOnlyAuthentications")
def list_entra_only(call: Call) -> Response:
    server = call.server()
    return answer(200, {"value": [_only_body(server, only=_is_only(server))]})


@route("PUT", ONLY)
def put_entra_only(call: Call) -> Response:
    """202; it takes an Entra administrator."""
    server = call.server()
    only = bool(properties_of(call.body()).get("azureADOnlyAuthentication"))
    administrator = _administrator(server)
    if administrator is None:
        message = (
            "AAD Admin is not configured, AAD Admin must be set before enabling/disabling AAD Only Authentication."
        )
        raise invalid("InvalidServerAADOnlyAuthNoAADAdminPropertyName", message)
    return _set_only(call, server, administrator, only=only)


@route("DELETE", ONLY)
def delete_entra_only(call: Call) -> Response:
    """202: passwords count again; 204 when they never ceased to."""
    server = call.server()
    administrator = _administrator(server)
    if administrator is None or not administrator["azureADOnlyAuthentication"]:
        return Response(204)
    return _set_only(call, server, administrator, only=False)


def _set_only(call: Call, server: Resource, administrator: Body, *, only: bool) -> Response:
    _check_idle(call, server)
    changed = {**administrator, "azureADOnlyAuthentication": only}
    effect: Body = {"server": server.key, "administrator": changed, "shown": _only_body(server, only=only)}
    seconds = call.arm.seconds(8, 15)
    return accepted(call, kind=ONLY_KIND, word=ENTRA_ONLY, target=_target(server), seconds=seconds, **effect)


def finish_administrator(resources: Resources, operation: Operation) -> None:
    server = resources.get(operation.effect["server"])
    if server:
        resources.put(server.changed(properties={"administrators": operation.effect["administrator"]}))

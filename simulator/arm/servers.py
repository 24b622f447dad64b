"""Logical servers: named globally, 404 while they are being created."""

from __future__ import annotations

import re

from simulator.arm.answers import page, show
from simulator.arm.call import Call, properties_of, tags_of
from simulator.arm.errors import ArmError, conflict, invalid, not_found
from simulator.arm.operations import Operation
from simulator.arm.polling import accepted
from simulator.arm.private_endpoints import connection_states
from simulator.arm.resources import Body, Resource, Resources
from simulator.arm.routing import SERVER, SERVERS, SUBSCRIPTION, route
from simulator.arm.server_identity import identity_of
from simulator.arm.server_values import TYPE, administrators_of, check_login, check_values, location_of
from simulator.arm.subscriptions import server_location_collection
from simulator.http import Response, answer
from simulator.tds.passwords import hash_password

UPSERT, DROP = "UpsertLogicalServer", "DropLogicalServer"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_CHANGEABLE = (
    "minimalTlsVersion",
    "publicNetworkAccess",
    "restrictOutboundNetworkAccess",
    "primaryUserAssignedIdentityId",
    "keyId",
)


def names_collection(name: str) -> str:
    """The collection that makes a server's name unique in the whole cloud."""
    return f"/names/{name}".lower()


CLOSED = {
    "code": "RegionDoesNotAllowProvisioning",
    "message": "Location is not accepting creation of new Azure SQL Database servers at this time.",
}


def server_by_name(resources: Resources, name: str) -> Resource | None:
    """The server of that name in any subscription."""
    found = resources.children(names_collection(name), "servers")
    return found[0] if found else None


@route("PUT", SERVER)
def put_server(call: Call) -> Response:
    """Create, or change, a server: 202 either way."""
    body = call.body()
    properties, tags, location = properties_of(body), tags_of(body), location_of(body)
    group = call.group()
    existing = call.arm.resources.get(call.id(SERVER))
    _check_free(call, existing, location)
    check_values(properties)
    if existing:
        _check_login_kept(existing, properties)
        server = _changed(call, existing, body, tags)
    else:
        _check_quota(call, location)
        server = _new(call, group, body, location)
        call.arm.resources.put(server)
    return _upserted(call, server, properties, is_new=existing is None)


def _check_free(call: Call, existing: Resource | None, location: str) -> None:
    """The name is well formed, nobody else's, not being changed, and stays in its region."""
    name = call.names["server"]
    if not _NAME.fullmatch(name):
        raise invalid("InvalidServerName", f"Invalid server name '{name}' specified.")
    holder = server_by_name(call.arm.resources, name)
    if holder and (existing is None or holder.key != existing.key):
        raise invalid("NameAlreadyExists", f"The name '{name}' already exists. Choose a different name.")
    _check_idle(call)
    if existing and existing.body["location"] != location:
        message = (
            f"The resource '{name}' already exists in location '{existing.body['location']}' in resource group "
            f"'{call.names['group']}'. A resource with the same name cannot be created in location '{location}'. "
            "Please select a new resource name."
        )
        raise ArmError(409, "InvalidResourceLocation", message, gateway=True)


def _check_idle(call: Call) -> None:
    if call.arm.operations.running_on(call.id(SERVER)):
        raise conflict(
            "ConflictingServerOperation",
            f"An operation is currently in progress for the server '{call.names['server']}'.",
        )


def _check_login_kept(existing: Resource, properties: Body) -> None:
    login = properties.get("administratorLogin")
    if login is not None and login != existing.properties.get("administratorLogin"):
        raise invalid(
            "InvalidParameterValue",
            "Invalid value given for parameter administratorLogin. Specify a valid parameter value.",
        )


def _check_quota(call: Call, location: str) -> None:
    collection = server_location_collection(call.names["subscription"], location)
    if call.arm.resources.count(collection, "servers") >= call.arm.quotas.servers_per_region:
        message = f"Server cannot be added to the subscription because it will exceed quota for location '{location}'."
        raise conflict("ServerQuotaExceeded", message)


def _new(call: Call, group: Resource, body: Body, location: str) -> Resource:
    """Not visible yet. Errors as check_login says where passwords may sign in."""
    name, properties = call.names["server"], properties_of(body)
    password = properties.get("administratorLoginPassword")
    if not (properties.get("administrators") or {}).get("azureADOnlyAuthentication"):
        check_login(properties.get("administratorLogin"), password)
    id_ = f"{group.id}/providers/{TYPE}/{name}"
    parts = {
        "kind": "v12.0",
        "properties": _first_properties(name, properties),
        "location": location,
        "tags": tags_of(body),
        "id": id_,
        "name": name,
        "type": TYPE,
        "identity": identity_of(call, body.get("identity"), None),
    }
    under = (
        group.key,
        call.id(SUBSCRIPTION).lower(),
        server_location_collection(call.names["subscription"], location),
        names_collection(name),
    )
    inner = {"visible": False, "password": hash_password(str(password)) if password else None}
    return Resource(id_, "servers", under, _said(parts), inner)


def _first_properties(name: str, asked: Body) -> Body:
    """What a server shows of itself, with Azure's defaults for what was not said."""
    return _said(
        {
            "administratorLogin": asked.get("administratorLogin"),
            "version": "12.0",
            "state": "Ready",
            "fullyQualifiedDomainName": f"{name}.database.windows.net",
            "privateEndpointConnections": [],
            "minimalTlsVersion": asked.get("minimalTlsVersion") or "None",
            "publicNetworkAccess": asked.get("publicNetworkAccess") or "Enabled",
            "administrators": administrators_of(asked.get("administrators") or {}),
            "restrictOutboundNetworkAccess": asked.get("restrictOutboundNetworkAccess") or "Disabled",
            "externalGovernanceStatus": "Disabled",
        }
    )


def _said(body: Body) -> Body:
    """Without what is None: Azure leaves it out."""
    return {key: value for key, value in body.items() if value is not None}


def _changed(call: Call, existing: Resource, body: Body, tags: Body | None) -> Resource:
    properties = properties_of(body)
    _check_reachable(call, existing, properties)
    changes = {name: properties[name] for name in _CHANGEABLE if properties.get(name) is not None}
    changed = existing.changed(properties=changes).with_body(
        tags=tags if tags is not None else existing.body.get("tags")
    )
    return changed.with_body(identity=identity_of(call, body.get("identity"), existing.body.get("identity")))


def _check_reachable(call: Call, existing: Resource, properties: Body) -> None:
    """Public access is switched off only where an approved private endpoint leaves a way in."""
    before = existing.properties["publicNetworkAccess"]
    if properties.get("publicNetworkAccess") != "Disabled" or before == "Disabled":
        return
    if "Approved" not in connection_states(call.arm.resources, existing):
        raise invalid(
            "PECsNotExistingToDenyPublicNetworkAccess",
            f"Unable to deny public network access to server '{existing.name}': set it to Disabled once an approved "
            "private endpoint connection exists.",
        )


def _upserted(call: Call, server: Resource, properties: Body, *, is_new: bool) -> Response:
    password = properties.get("administratorLoginPassword")
    inner = {"visible": True, "password": hash_password(str(password)) if password else server.inner["password"]}
    seconds = call.arm.seconds(45, 100) if is_new else call.arm.seconds(5, 12)
    effect = {"body": server.body, "inner": inner, "is_new": is_new}
    if is_new and server.body["location"] in call.arm.quotas.closed_regions:
        effect["fails"] = CLOSED
    return accepted(call, kind="server", word=UPSERT, target=server.id, seconds=seconds, retry_after=1, **effect)


@route("PATCH", SERVER)
def patch_server(call: Call) -> Response:
    """Change tags, password or settings: 202."""
    existing, body = call.server(), call.body()
    _check_idle(call)
    properties = properties_of(body)
    check_values(properties)
    _check_login_kept(existing, properties)
    return _upserted(call, _changed(call, existing, body, tags_of(body)), properties, is_new=False)


@route("GET", SERVER)
def get_server(call: Call) -> Response:
    call.group()
    server = call.arm.resources.seen(call.id(SERVER))
    if server is None or not server.inner["visible"]:
        raise not_found(TYPE, call.names["server"])
    return show(call, server)


@route("GET", SERVERS)
def list_servers_of_group(call: Call) -> Response:
    return page(call, _visible(call.arm.resources.seen_children(call.group().id, "servers")))


@route("GET", SUBSCRIPTION + "/providers/Microsoft.Sql/servers")
def list_servers(call: Call) -> Response:
    return page(call, _visible(call.arm.resources.seen_children(call.id(SUBSCRIPTION), "servers")))


def _visible(servers: list[Resource]) -> list[Resource]:
    return [server for server in servers if server.inner["visible"]]


@route("DELETE", SERVER)
def delete_server(call: Call) -> Response:
    """202, with all that is in it; 204 when there is none."""
    call.group()
    server = call.arm.resources.get(call.id(SERVER))
    if server is None:
        return Response(204)
    _check_idle(call)
    return accepted(call, kind="server", word=DROP, target=server.id, seconds=call.arm.seconds(8, 15))


@route("POST", SUBSCRIPTION + "/providers/Microsoft.Sql/checkNameAvailability")
def check_name(call: Call) -> Response:
    """Whether a server name is free in the whole cloud; 400 without name and type, and for another type."""
    asked = call.body()
    if not isinstance(asked.get("name"), str) or not isinstance(asked.get("type"), str):
        raise invalid("InvalidNameAvailabilityRequest", "The check name availability request is invalid.")
    if asked["type"].lower() != "microsoft.sql/servers":
        message = "Unknown resource type specified for a subscription level name availability check."
        raise invalid("UnknownNameType", message)
    name = asked["name"]
    if not _NAME.fullmatch(name):
        message = "Specified server name contains unsupported characters or is longer than 63 characters."
        return answer(200, {"name": name, "available": False, "reason": "Invalid", "message": message})
    if server_by_name(call.arm.resources, name):
        message = "Specified server name is already used."
        return answer(200, {"name": name, "available": False, "reason": "AlreadyExists", "message": message})
    return answer(200, {"name": name, "available": True})


def finish_upsert(resources: Resources, operation: Operation) -> Resource | None:
    """Show what the request asked for. None when the server has gone meanwhile."""
    existing = resources.get(operation.target)
    if existing is None:
        return None
    effect = operation.effect
    connections = {"privateEndpointConnections": existing.properties["privateEndpointConnections"]}
    body = {**effect["body"], "properties": {**effect["body"]["properties"], **connections}}
    server = Resource(existing.id, existing.type, existing.under, body, {**existing.inner, **effect["inner"]})
    resources.put(server)
    return server


def undo_upsert(resources: Resources, operation: Operation) -> None:
    """A failed creation leaves nothing; a failed change leaves what was."""
    if operation.effect["is_new"]:
        resources.delete(operation.target)

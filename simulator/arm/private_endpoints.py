"""Private endpoints, as far as a server sees them: the connection that each asks for, approved, rejected or pending."""

from __future__ import annotations

from typing import Any

from simulator.arm.answers import page
from simulator.arm.call import Call, properties_of, tags_of
from simulator.arm.errors import ArmError, conflict, invalid, not_found, parent_not_found
from simulator.arm.operations import Operation
from simulator.arm.polling import accepted
from simulator.arm.resources import Body, Resource, Resources
from simulator.arm.routing import GROUP, SERVER, route
from simulator.http import Response, answer

TYPE = "Microsoft.Sql/servers/privateEndpointConnections"
KIND = "privateEndpointConnection"
UPSERT, DROP = "UpsertPrivateEndpointConnection", "DropPrivateEndpointConnection"
CONNECTIONS = SERVER + "/privateEndpointConnections"
CONNECTION = CONNECTIONS + "/{connection}"
ENDPOINTS = GROUP + "/providers/Microsoft.Network/privateEndpoints"
ENDPOINT = ENDPOINTS + "/{endpoint}"
STATES = ("Approved", "Pending", "Rejected", "Disconnected")
GROUP_ID = "sqlServer"
ITEM, ENDPOINT_ITEM = "privateEndpointConnections", "privateEndpoints"


def connection_states(resources: Resources, server: Resource) -> list[str]:
    return [
        one.properties["privateLinkServiceConnectionState"]["status"] for one in resources.children(server.key, ITEM)
    ]


@route("PUT", ENDPOINT)
def put_endpoint(call: Call) -> Response:
    """201 (200 again): a connection asked for `manual` is Pending on the server, another one Approved at once."""
    group, body = call.group(), call.body()
    asked = properties_of(body)
    existing = call.arm.resources.get(call.id(ENDPOINT))
    if existing:
        return answer(200, existing.body)
    wishes = [(one, "Approved") for one in asked.get("privateLinkServiceConnections") or []]
    wishes += [(one, "Pending") for one in asked.get("manualPrivateLinkServiceConnections") or []]
    if not wishes or not body.get("location"):
        message = "A private endpoint needs a location and a connection to a private link service."
        raise ArmError(400, "InvalidRequestFormat", message)
    endpoint = _endpoint(call, group, body)
    for wish, status in wishes:
        _connect(call, endpoint, _link(wish), status)
    call.arm.resources.put(endpoint)
    call.record("PutPrivateEndpoint", endpoint.id)
    return answer(201, endpoint.body)


def _link(wish: Any) -> Body:
    link = wish.get("properties") if isinstance(wish, dict) else None
    if not isinstance(link, dict):
        raise ArmError(400, "InvalidRequestFormat", "A connection names the private link service in its properties.")
    return link


def _endpoint(call: Call, group: Resource, body: Body) -> Resource:
    id_ = f"{group.id}/providers/Microsoft.Network/privateEndpoints/{call.names['endpoint']}"
    shown = {
        "name": call.names["endpoint"],
        "id": id_,
        "type": "Microsoft.Network/privateEndpoints",
        "location": body["location"],
        "tags": tags_of(body) or {},
        "properties": {"provisioningState": "Succeeded", **properties_of(body)},
    }
    return Resource(id_, ENDPOINT_ITEM, (group.key,), shown)


def _connect(call: Call, endpoint: Resource, wish: Body, status: str) -> None:
    server = call.arm.resources.get(str(wish.get("privateLinkServiceId") or ""))
    if server is None or server.type != "servers":
        raise ArmError(400, "InvalidPrivateLinkServiceId", "The private link service of the connection does not exist.")
    if wish.get("groupIds") != [GROUP_ID]:
        raise ArmError(400, "PrivateEndpointGroupIdsInvalid", f"The group id of a SQL server is '{GROUP_ID}'.")
    name = f"{endpoint.name}-{call.arm.new_id()}"
    state = {"status": status, "description": wish.get("requestMessage") or "", "actionsRequired": "None"}
    call.arm.resources.put(_connection(server, name, endpoint.id, state))
    _show(call.arm.resources, server)


def _connection(server: Resource, name: str, endpoint_id: str, state: Body) -> Resource:
    id_ = f"{server.id}/privateEndpointConnections/{name}"
    properties = {
        "privateEndpoint": {"id": endpoint_id},
        "groupIds": [GROUP_ID],
        "privateLinkServiceConnectionState": state,
        "provisioningState": "Ready",
    }
    return Resource(id_, ITEM, (server.key,), {"properties": properties, "id": id_, "name": name, "type": TYPE})


def _show(resources: Resources, server: Resource) -> None:
    """The server lists its connections itself as well."""
    present = resources.get(server.key)
    if present is not None:
        rows = [
            {"id": one.id, "properties": {name: value for name, value in one.properties.items() if name != "groupIds"}}
            for one in resources.children(server.key, ITEM)
        ]
        resources.put(present.changed(properties={"privateEndpointConnections": rows}))


@route("GET", ENDPOINT)
def get_endpoint(call: Call) -> Response:
    call.group()
    found = call.arm.resources.seen(call.id(ENDPOINT))
    if found is None:
        raise parent_not_found(f"Microsoft.Network/privateEndpoints/{call.names['endpoint']}", call.names["group"])
    return answer(200, found.body)


@route("GET", ENDPOINTS)
def list_endpoints(call: Call) -> Response:
    return page(call, call.arm.resources.seen_children(call.group().key, ENDPOINT_ITEM))


@route("DELETE", ENDPOINT)
def delete_endpoint(call: Call) -> Response:
    """200, with its connections; 204 when there is none."""
    call.group()
    found = call.arm.resources.get(call.id(ENDPOINT))
    if found is None:
        return Response(204)
    resources = call.arm.resources
    wishes = [
        one
        for name in ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections")
        for one in found.properties.get(name) or []
    ]
    for wish in wishes:
        server = resources.get(str(properties_of(wish).get("privateLinkServiceId")))
        for one in resources.children(server.key, ITEM) if server else []:
            if one.properties["privateEndpoint"]["id"].lower() == found.key:
                resources.delete(one.key)
        if server:
            _show(resources, server)
    resources.delete(found.key)
    call.record("DeletePrivateEndpoint", found.id)
    return Response(200)


@route("GET", CONNECTIONS)
def list_connections(call: Call) -> Response:
    return page(call, call.arm.resources.seen_children(call.server().key, ITEM))


@route("GET", CONNECTION)
def get_connection(call: Call) -> Response:
    return answer(200, _present(call).body)


def _present(call: Call) -> Resource:
    call.server()
    found = call.arm.resources.get(call.id(CONNECTION))
    if found is None:
        raise not_found(TYPE, call.names["connection"])
    return found


@route("PUT", CONNECTION)
def put_connection(call: Call) -> Response:
    """Approve or reject: 202. A connection comes from its endpoint alone; a rejected one cannot be approved."""
    found = _present(call)
    asked: Any = properties_of(call.body()).get("privateLinkServiceConnectionState") or {}
    status = asked.get("status") if isinstance(asked, dict) else None
    if status not in STATES:
        message = (
            "Invalid value given for parameter privateLinkServiceConnectionState. Specify a valid parameter value."
        )
        raise invalid("InvalidParameterValue", message)
    before = found.properties["privateLinkServiceConnectionState"]["status"]
    if before in ("Rejected", "Disconnected") and status != before:
        message = f"A private endpoint connection that is {before} cannot become {status}."
        raise invalid("InvalidPrivateEndpointConnectionState", message)
    _check_idle(call, found)
    state = {"status": status, "description": str(asked.get("description") or ""), "actionsRequired": "None"}
    after = found.changed(properties={"privateLinkServiceConnectionState": state})
    seconds = call.arm.seconds(5, 12)
    return accepted(call, kind=KIND, word=UPSERT, target=found.id, seconds=seconds, body=after.body)


@route("DELETE", CONNECTION)
def delete_connection(call: Call) -> Response:
    """202; 204 when there is none."""
    call.server()
    found = call.arm.resources.get(call.id(CONNECTION))
    if found is None:
        return Response(204)
    _check_idle(call, found)
    return accepted(call, kind=KIND, word=DROP, target=found.id, seconds=call.arm.seconds(5, 12))


def _check_idle(call: Call, connection: Resource) -> None:
    if call.arm.operations.running_on(connection.key):
        message = f"An operation is currently in progress for the server '{call.names['server']}'."
        raise conflict("ConflictingServerOperation", message)


def finish_connection(resources: Resources, operation: Operation) -> None:
    found = resources.get(operation.target)
    if found is None:
        return
    if operation.word == DROP:
        resources.delete(found.key)
    else:
        resources.put(Resource(found.id, found.type, found.under, operation.effect["body"], found.inner))
    server = resources.get(found.under[0])
    if server:
        _show(resources, server)

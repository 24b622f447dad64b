"""User-assigned managed identities: a principal of the directory that a database or server may be given."""

from __future__ import annotations

from simulator.arm.answers import page, show
from simulator.arm.call import Call, tags_of
from simulator.arm.errors import ArmError, parent_not_found
from simulator.arm.resources import Resource
from simulator.arm.routing import GROUP, SUBSCRIPTION, route
from simulator.http import Response, answer
from simulator.regions import REGIONS, normalised

TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"
IDENTITIES = f"/providers/{TYPE}"
IDENTITY = GROUP + IDENTITIES + "/{identity}"
KIND = "userAssignedIdentities"


@route("PUT", IDENTITY)
def put_identity(call: Call) -> Response:
    """201 for a new identity, 200 for one that is there; its principal and client ids never change."""
    call.group()
    body = call.body()
    location = normalised(str(body.get("location") or ""))
    if location not in REGIONS:
        raise ArmError(400, "LocationNotAvailableForResourceType", f"The location '{location}' is not available.")
    before = call.arm.resources.get(call.id(IDENTITY))
    identity = before or _new(call, location)
    tags = tags_of(body)
    identity = identity.with_body(tags=tags if tags is not None else identity.body.get("tags", {}))
    call.arm.resources.put(identity)
    call.record("PutUserAssignedIdentity", identity.id)
    return answer(200 if before else 201, identity.body)


def _new(call: Call, location: str) -> Resource:
    id_ = call.id(IDENTITY)
    properties = {
        "tenantId": call.arm.entra.tenant,
        "principalId": call.arm.new_id(),
        "clientId": call.arm.new_id(),
    }
    body = {
        "location": location,
        "tags": {},
        "id": id_,
        "name": call.names["identity"],
        "type": TYPE,
        "properties": properties,
    }
    return Resource(id_, KIND, (call.id(GROUP).lower(), call.id(SUBSCRIPTION).lower()), body)


@route("GET", IDENTITY)
def get_identity(call: Call) -> Response:
    """The identity with its principalId and clientId; the gateway's 404 when absent."""
    call.group()
    found = call.arm.resources.seen(call.id(IDENTITY))
    if found is None:
        raise parent_not_found(f"{TYPE}/{call.names['identity']}", call.names["group"])
    return show(call, found)


@route("GET", GROUP + IDENTITIES)
def list_identities_of_group(call: Call) -> Response:
    """The identities of a resource group."""
    return page(call, call.arm.resources.seen_children(call.group().key, KIND))


@route("GET", SUBSCRIPTION + IDENTITIES)
def list_identities(call: Call) -> Response:
    """The identities of a subscription."""
    return page(call, call.arm.resources.seen_children(call.id(SUBSCRIPTION), KIND))


@route("DELETE", IDENTITY)
def delete_identity(call: Call) -> Response:
    """200, and 204 when it was not there; what relied on it loses its keys."""
    call.group()
    found = call.arm.resources.get(call.id(IDENTITY))
    if found is None:
        return Response(204)
    call.arm.resources.delete(found.key)
    call.record("DeleteUserAssignedIdentity", found.id)
    return Response(200)

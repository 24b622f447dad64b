"""The keys of a server: the service's own, and those of Key Vault that were added; its protector stays the service's."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from simulator.arm.answers import page
from simulator.arm.arm import Arm
from simulator.arm.call import Call, properties_of
from simulator.arm.database_keys import refusal
from simulator.arm.errors import ArmError, invalid, not_found
from simulator.arm.operations import Operation
from simulator.arm.polling import accepted
from simulator.arm.resources import Body, Resource
from simulator.arm.routing import SERVER, route
from simulator.http import Response, answer
from simulator.key_access import KeyRefused
from simulator.moments import iso
from simulator.regions import REGIONS

TYPE, KIND = "Microsoft.Sql/servers/keys", "serverKeys"
PROTECTOR_TYPE = "Microsoft.Sql/servers/encryptionProtector"
KEYS, KEY = SERVER + "/keys", SERVER + "/keys/{key}"
POLL, UPSERT, DROP = "serverKey", "UpsertLogicalServerEncryptionKeys", "DeleteLogicalServerEncryptionKeys"
OWN = "ServiceManaged"
PROTECTOR = SERVER + "/encryptionProtector/{protector}"
_URI = re.compile(r"https://([^./]+)\.[^/]+/keys/([^/]+)/([0-9a-f]+)/?")


def _own(server: Resource) -> Body:
    """The service's key, which every server has."""
    id_ = f"{server.id}/keys/{OWN}"
    return {"kind": "servicemanaged", "properties": {"serverKeyType": OWN}, "id": id_, "name": OWN, "type": TYPE}


@route("PUT", KEY)
def put_key(call: Call) -> Response:
    """202: a key that the server's identity can use, under the name vault_key_version."""
    server, asked = call.server(), properties_of(call.body())
    if asked.get("serverKeyType") != "AzureKeyVault":
        raise invalid("InvalidKeyType", "The server key type is invalid: AzureKeyVault is expected.")
    found = _URI.fullmatch(str(asked.get("uri") or ""))
    if found is None:
        raise invalid("AzureKeyVaultInvalidUri", "Please use a valid Azure Key Vault URI.")
    if call.names["key"].lower() != "_".join(found.groups()).lower():
        raise invalid("SecurityAzureKeyVaultInvalidKeyName", "The server key is named vault_key_version.")
    properties = {"serverKeyType": "AzureKeyVault", "uri": asked["uri"], "thumbprint": _thumbprint(call, server, asked)}
    id_ = f"{server.id}/keys/{call.names['key']}"
    body: dict[str, Any] = {"kind": "azurekeyvault", "location": REGIONS[server.body["location"]].display_name}
    body |= {"properties": {**properties, "creationDate": iso(call.now)}, "id": id_}
    body |= {"name": call.names["key"], "type": TYPE}
    return accepted(call, kind=POLL, word=UPSERT, target=id_, seconds=call.arm.seconds(1, 12), retry_after=1, body=body)


def _thumbprint(call: Call, server: Resource, asked: Body) -> str:
    """By the server's own identity, which it must have."""
    identity = server.body.get("identity") or {}
    if not identity.get("principalId"):
        raise ArmError(401, "AzureKeyVaultNoServerIdentity", "The server identity is not correctly configured.")
    try:
        return call.arm.key_access.readable(asked["uri"], object_id=identity["principalId"]).thumbprint
    except KeyRefused as refused:
        raise refusal(refused) from refused


@route("GET", KEY)
def get_key(call: Call) -> Response:
    server = call.server()
    if call.names["key"].lower() == OWN.lower():
        return answer(200, _own(server))
    found = call.arm.resources.seen(call.id(KEY))
    if found is None:
        raise not_found(TYPE, call.names["key"])
    return answer(200, found.body)


@route("GET", KEYS)
def list_keys(call: Call) -> Response:
    """Those that were added, then the service's own."""
    server = call.server()
    own = Resource(f"{server.id}/keys/{OWN}", KIND, (server.key,), _own(server), order=2**31)
    return page(call, [*call.arm.resources.seen_children(server.key, KIND), own])


@route("DELETE", KEY)
def delete_key(call: Call) -> Response:
    """202; 204 when it was not there; the service's own stays."""
    call.server()
    if call.names["key"].lower() == OWN.lower():
        raise invalid("InvalidKeyName", "The service's own key cannot be deleted.")
    found = call.arm.resources.get(call.id(KEY))
    if found is None:
        return Response(204)
    return accepted(call, kind=POLL, word=DROP, target=found.id, seconds=call.arm.seconds(1, 3), retry_after=1)


@route("GET", PROTECTOR)
def get_protector(call: Call) -> Response:
    """Always the service's own key: databases have their own, where they have one."""
    server = call.server()
    if call.names["protector"].lower() != "current":
        raise invalid("InvalidEncryptionProtectorName", "The encryption protector key name is not supported.")
    return answer(200, _protector(server))


@route("GET", SERVER + "/encryptionProtector")
def list_protectors(call: Call) -> Response:
    return answer(200, {"value": [_protector(call.server())]})


def _protector(server: Resource) -> Body:
    properties = {"serverKeyName": OWN, "serverKeyType": OWN, "autoRotationEnabled": False}
    id_ = f"{server.id}/encryptionProtector/current"
    head = {"kind": "servicemanaged", "location": REGIONS[server.body["location"]].display_name}
    return {**head, "properties": properties, "id": id_, "name": "current", "type": PROTECTOR_TYPE}


def register(arm: Arm) -> None:
    arm.operations.when_done(POLL, UPSERT, partial(_finish_put, arm))
    arm.operations.when_done(POLL, DROP, partial(_finish_drop, arm))


def _finish_put(arm: Arm, operation: Operation) -> None:
    body = operation.effect["body"]
    server = arm.resources.get(body["id"].rsplit("/keys/", 1)[0])
    if server is not None:
        arm.resources.put(Resource(body["id"], KIND, (server.key,), body))


def _finish_drop(arm: Arm, operation: Operation) -> None:
    arm.resources.delete(operation.target)

"""Federated credentials of managed identities: whom an identity trusts to come as it, and the tokens given for that trust."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt

from simulator.arm.answers import page
from simulator.arm.arm import Arm
from simulator.arm.call import Call, properties_of
from simulator.arm.errors import invalid, not_found
from simulator.arm.identities import IDENTITY
from simulator.arm.identities import KIND as IDENTITIES
from simulator.arm.resources import Resource
from simulator.arm.routing import route
from simulator.entra_refusals import Refusal
from simulator.http import Response, answer
from simulator.store import Document

TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
KIND = "federatedIdentityCredentials"
CREDENTIALS = IDENTITY + "/federatedIdentityCredentials"
CREDENTIAL = CREDENTIALS + "/{credential}"
ISSUERS = "issuers"
AUDIENCE = "api://AzureADTokenExchange"


@route("PUT", CREDENTIAL)
def put_credential(call: Call) -> Response:
    """201 for a new trust in an issuer's subject, 200 for a changed one."""
    identity, asked = _identity(call), properties_of(call.body())
    missing = [name for name in ("issuer", "subject", "audiences") if not asked.get(name)]
    if missing:
        raise invalid("BadRequest", f"The federated identity credential lacks: {', '.join(missing)}.")
    id_ = call.id(CREDENTIAL)
    before = call.arm.resources.get(id_)
    properties = {name: asked[name] for name in ("issuer", "subject", "audiences")}
    body = {"id": id_, "name": call.names["credential"], "type": TYPE, "properties": properties}
    call.arm.resources.put(Resource(id_, KIND, (identity.key,), body))
    call.record("PutFederatedIdentityCredential", id_)
    return answer(200 if before else 201, body)


@route("GET", CREDENTIAL)
def get_credential(call: Call) -> Response:
    """Whom the identity trusts; 404 when absent."""
    _identity(call)
    found = call.arm.resources.seen(call.id(CREDENTIAL))
    if found is None:
        raise not_found(TYPE, call.names["credential"])
    return answer(200, found.body)


@route("GET", CREDENTIALS)
def list_credentials(call: Call) -> Response:
    """All whom the identity trusts."""
    return page(call, call.arm.resources.seen_children(_identity(call).key, KIND), lambda one: one.body)


@route("DELETE", CREDENTIAL)
def delete_credential(call: Call) -> Response:
    """200, or 204 when it was not there."""
    _identity(call)
    found = call.arm.resources.get(call.id(CREDENTIAL))
    if found is None:
        return Response(204)
    call.arm.resources.delete(found.key)
    call.record("DeleteFederatedIdentityCredential", found.id)
    return Response(200)


def _identity(call: Call) -> Resource:
    call.group()
    found = call.arm.resources.get(call.id(IDENTITY))
    if found is None:
        raise not_found("Microsoft.ManagedIdentity/userAssignedIdentities", call.names["identity"])
    return found


def federated(arm: Arm, client_id: str, form: Mapping[str, str]) -> Document | None:
    """The managed identity with that client id, where it trusts the assertion's issuer and subject. Raises Refusal."""
    wanted = client_id.lower()
    identities = (one for one in arm.resources if one.type == IDENTITIES)
    identity = next((one for one in identities if one.properties["clientId"].lower() == wanted), None)
    if identity is None:
        return None
    claims = _claims(arm, form.get("client_assertion", ""))
    for trusted in arm.resources.children(identity.key, KIND):
        given = trusted.properties
        if (given["issuer"], given["subject"]) == (claims["iss"], claims["sub"]) and AUDIENCE in given["audiences"]:
            return {
                "client_id": identity.properties["clientId"],
                "object_id": identity.properties["principalId"],
                "roles": {},
                "mirid": identity.id,
            }
    text = "No matching federated identity record found for presented assertion."
    raise Refusal(401, "invalid_client", 70021, text)


def _claims(arm: Arm, assertion: str) -> dict[str, Any]:
    """What the assertion says, signed by an issuer that the directory can ask for its keys."""
    try:
        issuer = str(jwt.decode(assertion, options={"verify_signature": False}).get("iss", ""))
        key = (arm.store.get(ISSUERS, issuer) or {}).get("public_key", "")
        needed: Any = {"require": ["exp", "iss", "sub"]}
        claims: dict[str, Any] = jwt.decode(assertion, key, algorithms=["RS256"], audience=AUDIENCE, options=needed)
    except (jwt.InvalidTokenError, jwt.InvalidKeyError) as error:
        text = "Client assertion failed signature validation or is not meant for this exchange."
        raise Refusal(401, "invalid_client", 700027, text) from error
    return claims

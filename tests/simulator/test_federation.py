"""Tokens of managed identities, for those whom an identity trusts."""

from __future__ import annotations

import time
from urllib.parse import urlencode

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from simulator.arm.federation import AUDIENCE
from simulator.azure import Azure
from simulator.http import Request
from tests.simulator.builders import ask
from tests.simulator.test_vault_access import an_identity, control

ISSUER, SUBJECT = "https://issuer.example", "system:serviceaccount:spp:worker"
GRANT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def trust(azure: Azure, key: rsa.RSAPrivateKey, **changed: object) -> dict:
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    document = orjson.dumps({"issuer": ISSUER, "public_key": pem.decode()})
    assert azure.handle(Request("POST", "localhost", 1, "/_sim/issuers", {}, {}, document)).status == 201
    identity = an_identity(azure)
    given = {"issuer": ISSUER, "subject": SUBJECT, "audiences": [AUDIENCE], **changed}
    path = f"{identity['id']}/federatedIdentityCredentials/worker"
    assert ask(azure, "PUT", path, {"properties": given}).status in (200, 201)
    return identity


def exchange(azure: Azure, identity: dict, key: rsa.RSAPrivateKey, subject: str = SUBJECT) -> tuple[int, dict]:
    claims = {"iss": ISSUER, "sub": subject, "aud": AUDIENCE, "exp": int(time.time()) + 600}
    form = {
        "grant_type": "client_credentials",
        "client_id": identity["properties"]["clientId"],
        "scope": "https://vault.azure.net/.default",
        "client_assertion_type": GRANT,
        "client_assertion": jwt.encode(claims, key, algorithm="RS256"),
    }
    path = f"/{azure.tenant}/oauth2/v2.0/token"
    response = azure.handle(Request("POST", "localhost", 443, path, {}, {}, urlencode(form).encode()))
    return response.status, orjson.loads(response.body)


def test_whom_an_identity_trusts_comes_as_it(azure, private_key):
    identity = trust(azure, private_key)
    status, answered = exchange(azure, identity, private_key)
    claims = azure.entra.verify(answered["access_token"], "https://vault.azure.net")
    assert (status, claims["oid"]) == (200, identity["properties"]["principalId"])
    assert claims["xms_mirid"] == identity["id"]


def test_nobody_else_does(azure, private_key):
    identity = trust(azure, private_key)
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert exchange(azure, identity, stranger)[1]["error_codes"] == [700027]
    assert exchange(azure, identity, private_key, subject="somebody")[1]["error_codes"] == [70021]
    trust(azure, private_key, audiences=["other"])
    assert exchange(azure, identity, private_key)[1]["error_codes"] == [70021]


def test_an_identity_needs_a_grant_even_in_an_open_vault(azure, private_key):
    identity = trust(azure, private_key)
    headers = {"authorization": f"Bearer {exchange(azure, identity, private_key)[1]['access_token']}"}
    request = Request("GET", "main.vault.azure.net", 443, "/keys/none", {"api-version": "7.4"}, headers)
    assert azure.handle(request).status == 403
    principal = identity["properties"]["principalId"]
    control(azure, "/grant", vault="main", object_id=principal, keys=["get"])
    assert azure.handle(request).status == 404


def test_trust_is_shown_listed_and_taken_away(azure, private_key):
    path = f"{trust(azure, private_key)['id']}/federatedIdentityCredentials"
    assert orjson.loads(ask(azure, "GET", f"{path}/worker").body)["properties"]["subject"] == SUBJECT
    assert [one["name"] for one in orjson.loads(ask(azure, "GET", path).body)["value"]] == ["worker"]
    assert (ask(azure, "DELETE", f"{path}/worker").status, ask(azure, "DELETE", f"{path}/worker").status) == (200, 204)
    assert ask(azure, "GET", f"{path}/worker").status == 404
    assert ask(azure, "GET", path.replace("/i1/", "/i9/")).status == 404
    assert ask(azure, "PUT", f"{path}/worker", {"properties": {}}).status == 400

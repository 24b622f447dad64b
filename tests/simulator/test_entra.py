from __future__ import annotations

import time
from pathlib import Path

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientAssertionCredential, ClientSecretCredential
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from simulator.clock import Clock
from simulator.entra import Entra, TokenRefused
from simulator.http import Request, Response, answer
from simulator.store import Store
from tests.simulator.in_process import transport_over

TENANT = "11111111-2222-3333-4444-555555555555"
ARM = "https://management.azure.com"


def a_directory(store: Store | None = None, seed: int = 1) -> Entra:
    return Entra(store or Store(), Clock(), seed, TENANT)


def sign_in(entra: Entra, *, secret: str | None = None, client_id: str | None = None, tenant: str = TENANT) -> str:
    credential = ClientSecretCredential(
        tenant,
        client_id or entra.client_id,
        secret or entra.client_secret,
        authority="https://localhost:8443",
        disable_instance_discovery=True,
        transport=over(entra),
    )
    return credential.get_token(f"{ARM}/.default").token


def over(entra: Entra):
    def handle(request: Request) -> Response:
        return entra.handle(request) or answer(404)

    return transport_over(handle)


def test_the_sdk_gets_a_token_that_arm_accepts():
    entra = a_directory()
    claims = entra.verify(sign_in(entra), ARM)
    assert claims["tid"] == TENANT
    assert claims["appid"] == claims["azp"] == entra.client_id
    assert claims["iss"] == f"https://localhost:8443/{TENANT}/v2.0"
    assert claims["nbf"] <= time.time() < claims["exp"]


def test_the_sdk_discovers_the_instance_when_asked_to():
    entra = a_directory()
    handled = entra.handle(
        Request(
            "GET",
            "localhost",
            8443,
            "/common/discovery/instance",
            {"api-version": "1.1", "authorization_endpoint": f"https://localhost:8443/{TENANT}/oauth2/v2.0/authorize"},
            {},
        )
    )
    assert handled is not None
    assert handled.status == 200
    assert f"{TENANT}/v2.0/.well-known/openid-configuration".encode() in handled.body


def test_a_token_for_another_audience_is_refused():
    entra = a_directory()
    with pytest.raises(TokenRefused) as refused:
        entra.verify(sign_in(entra), "https://vault.azure.net")
    assert refused.value.reason == "audience"


def test_a_wrong_secret_is_refused_as_entra_refuses_it():
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        sign_in(a_directory(), secret="wrong")


def test_an_unknown_application_is_refused():
    with pytest.raises(ClientAuthenticationError, match="AADSTS700016"):
        sign_in(a_directory(), client_id="99999999-2222-3333-4444-555555555555")


def test_an_unknown_directory_is_refused():
    with pytest.raises(ClientAuthenticationError, match=r"AADSTS90002|tenant|authority"):
        sign_in(a_directory(), tenant="99999999-2222-3333-4444-555555555555")


def test_roles_come_with_the_audience_they_were_given_for():
    entra = a_directory()
    client_id, secret = entra.add_app("operator", roles={ARM: ["operator"]})
    claims = entra.verify(sign_in(entra, client_id=client_id, secret=secret), ARM)
    assert claims["roles"] == ["operator"]
    other = entra.token(client_id, "api://other", authority="https://localhost")
    assert "roles" not in entra.verify(other, "api://other")


def test_keys_published_by_the_directory_prove_its_tokens():
    entra = a_directory()
    token = sign_in(entra)
    answered = entra.handle(Request("GET", "localhost", 8443, f"/{TENANT}/discovery/v2.0/keys", {}, {}))
    assert answered is not None
    keys = jwt.PyJWKSet.from_json(answered.body.decode())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key.key, algorithms=["RS256"], audience=ARM)["tid"] == TENANT


def test_an_expired_token_and_a_forged_one_are_refused():
    entra = a_directory()
    expired = entra.token(entra.client_id, ARM, authority="https://localhost", seconds=-1)
    with pytest.raises(TokenRefused) as refused:
        entra.verify(expired, ARM)
    assert refused.value.reason == "expired"
    with pytest.raises(TokenRefused) as refused:
        entra.verify(sign_in(entra)[:-8] + "AAAAAAAA", ARM)
    assert refused.value.reason == "malformed"


def test_tokens_and_secret_survive_a_restart(tmp_path: Path):
    store = Store(tmp_path)
    before = a_directory(store, seed=7)
    token = sign_in(before)
    store.close()
    after = a_directory(Store(tmp_path), seed=7)
    assert after.verify(token, ARM)["appid"] == after.client_id
    assert sign_in(after, secret=before.client_secret)


def test_an_application_signs_in_with_a_client_assertion():
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    entra = a_directory()
    client_id, _ = entra.add_app("workload", public_key=public.decode())

    def assertion() -> str:
        life = {"exp": int(time.time()) + 60, "jti": "1"}
        where = f"https://localhost:8443/{TENANT}/oauth2/v2.0/token"
        return jwt.encode({"iss": client_id, "sub": client_id, "aud": where, **life}, private, algorithm="RS256")

    credential = ClientAssertionCredential(
        TENANT,
        client_id,
        assertion,
        authority="https://localhost:8443",
        disable_instance_discovery=True,
        transport=over(entra),
    )
    assert entra.verify(credential.get_token(f"{ARM}/.default").token, ARM)["appid"] == client_id


def test_a_scope_that_is_no_resource_is_refused():
    entra = a_directory()
    body = f"grant_type=client_credentials&client_id={entra.client_id}&client_secret=x&scope=openid".encode()
    answered = entra.handle(Request("POST", "localhost", 8443, f"/{TENANT}/oauth2/v2.0/token", {}, {}, body))
    assert answered is not None
    assert answered.status == 400
    assert b"AADSTS1002012" in answered.body


def test_paths_of_others_are_left_alone():
    assert a_directory().handle(Request("GET", "localhost", 8443, "/subscriptions", {}, {})) is None

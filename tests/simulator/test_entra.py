from __future__ import annotations

import json
import time
from base64 import b64encode
from pathlib import Path
from urllib.parse import urlencode

import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientAssertionCredential, ClientSecretCredential
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from simulator.azure import Azure
from simulator.entra import TokenRefused
from simulator.http import Request, Response
from simulator.transport import InProcessTransport

AUTHORITY = "https://localhost:8443"
ARM = "https://management.azure.com"
NOBODY = "99999999-2222-3333-4444-555555555555"


def sign_in(azure: Azure, *, secret: str | None = None, client_id: str | None = None, tenant: str = "") -> str:
    credential = ClientSecretCredential(
        tenant or azure.tenant,
        client_id or azure.entra.client_id,
        secret or azure.entra.client_secret,
        authority=AUTHORITY,
        disable_instance_discovery=True,
        transport=InProcessTransport(azure),
    )
    return credential.get_token(f"{ARM}/.default").token


def get(azure: Azure, path: str, **query: str) -> Response:
    return azure.handle(Request("GET", "localhost", 8443, path, query, {}))


def test_the_sdk_gets_a_token_that_arm_accepts():
    azure = Azure()
    claims = azure.entra.verify(sign_in(azure), ARM)
    assert claims["tid"] == azure.tenant
    assert claims["appid"] == claims["azp"] == azure.entra.client_id
    assert claims["iss"] == f"{AUTHORITY}/{azure.tenant}/v2.0"
    assert claims["nbf"] <= time.time() < claims["exp"]


def test_an_instance_is_discovered_as_msal_asks():
    azure = Azure()
    endpoint = f"{AUTHORITY}/{azure.tenant}/oauth2/v2.0/authorize"
    answered = get(azure, "/common/discovery/instance", authorization_endpoint=endpoint)
    assert answered.status == 200
    assert f"{azure.tenant}/v2.0/.well-known/openid-configuration".encode() in answered.body


def test_a_token_for_another_audience_is_refused():
    azure = Azure()
    with pytest.raises(TokenRefused) as refused:
        azure.entra.verify(sign_in(azure), "https://vault.azure.net")
    assert refused.value.reason == "audience"


def test_a_wrong_secret_is_refused_as_entra_refuses_it():
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        sign_in(Azure(), secret="wrong")


def test_an_unknown_application_is_refused():
    with pytest.raises(ClientAuthenticationError, match="AADSTS700016"):
        sign_in(Azure(), client_id=NOBODY)


def test_an_unknown_directory_is_refused():
    with pytest.raises(ClientAuthenticationError, match="tenant"):
        sign_in(Azure(), tenant=NOBODY)


def test_roles_come_with_the_audience_they_were_given_for():
    azure = Azure()
    client_id, secret = azure.entra.add_app("operator", roles={ARM: ["operator"]})
    claims = azure.entra.verify(sign_in(azure, client_id=client_id, secret=secret), ARM)
    assert claims["roles"] == ["operator"]
    other = azure.entra.token(client_id, "api://other", authority=AUTHORITY)
    assert "roles" not in azure.entra.verify(other, "api://other")


def test_keys_published_by_the_directory_prove_its_tokens():
    azure = Azure()
    token = sign_in(azure)
    keys = jwt.PyJWKSet.from_json(get(azure, f"/{azure.tenant}/discovery/v2.0/keys").body.decode())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    assert jwt.decode(token, key.key, algorithms=["RS256"], audience=ARM)["tid"] == azure.tenant


def test_an_expired_token_and_a_forged_one_are_refused():
    azure = Azure()
    expired = azure.entra.token(azure.entra.client_id, ARM, authority=AUTHORITY, seconds=-1)
    with pytest.raises(TokenRefused) as refused:
        azure.entra.verify(expired, ARM)
    assert refused.value.reason == "expired"
    with pytest.raises(TokenRefused) as refused:
        azure.entra.verify(sign_in(azure)[:-8] + "AAAAAAAA", ARM)
    assert refused.value.reason == "malformed"


def test_tokens_and_secret_survive_a_restart(tmp_path: Path):
    before = Azure(tmp_path, seed=7)
    token = sign_in(before)
    before.close()
    after = Azure(tmp_path, seed=7)
    assert after.entra.verify(token, ARM)["appid"] == after.entra.client_id
    assert sign_in(after, secret=before.entra.client_secret)


def test_an_application_signs_in_with_a_client_assertion():
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    azure = Azure()
    client_id, _ = azure.entra.add_app("workload", public_key=public.decode())

    def assertion() -> str:
        life = {"exp": int(time.time()) + 60, "jti": "1"}
        where = f"{AUTHORITY}/{azure.tenant}/oauth2/v2.0/token"
        return jwt.encode({"iss": client_id, "sub": client_id, "aud": where, **life}, private, algorithm="RS256")

    credential = ClientAssertionCredential(
        azure.tenant,
        client_id,
        assertion,
        authority=AUTHORITY,
        disable_instance_discovery=True,
        transport=InProcessTransport(azure),
    )
    assert azure.entra.verify(credential.get_token(f"{ARM}/.default").token, ARM)["appid"] == client_id


def test_a_scope_that_is_no_resource_is_refused():
    azure = Azure()
    body = f"grant_type=client_credentials&client_id={azure.entra.client_id}&client_secret=x&scope=openid".encode()
    answered = azure.handle(Request("POST", "localhost", 8443, f"/{azure.tenant}/oauth2/v2.0/token", {}, {}, body))
    assert answered.status == 400
    assert b"AADSTS1002012" in answered.body


def post(azure: Azure, path: str, form: dict[str, str], **headers: str) -> Response:
    body = urlencode(form).encode()
    return azure.handle(Request("POST", "localhost", 8443, f"/{azure.tenant}/{path}", {}, headers, body))


def test_the_older_token_endpoint_takes_a_resource():
    azure = Azure()
    form = {"grant_type": "client_credentials", "resource": f"{ARM}/"}
    form |= {"client_id": azure.entra.client_id, "client_secret": azure.entra.client_secret}
    document = json.loads(post(azure, "oauth2/token", form).body)
    assert azure.entra.verify(document["access_token"], ARM)["aud"] == f"{ARM}/"
    assert document["resource"] == f"{ARM}/"
    assert int(document["expires_on"]) - int(document["not_before"]) == int(document["expires_in"])


def test_id_and_secret_may_come_as_basic_authorization():
    azure = Azure()
    pair = b64encode(f"{azure.entra.client_id}:{azure.entra.client_secret}".encode()).decode()
    form = {"grant_type": "client_credentials", "scope": f"{ARM}/.default"}
    answered = post(azure, "oauth2/v2.0/token", form, authorization=f"Basic {pair}")
    assert azure.entra.verify(json.loads(answered.body)["access_token"], ARM)["appid"] == azure.entra.client_id
    assert post(azure, "oauth2/v2.0/token", form, authorization="Basic ???").status == 400


@pytest.mark.parametrize("form", [{}, {"grant_type": "password"}, {"grant_type": "client_credentials"}])
def test_an_incomplete_form_is_refused(form: dict[str, str]):
    for path in ("oauth2/token", "oauth2/v2.0/token"):
        assert post(Azure(), path, form).status == 400


def test_paths_of_others_are_left_alone():
    assert Azure().entra.handle(Request("GET", "localhost", 8443, "/subscriptions", {}, {})) is None

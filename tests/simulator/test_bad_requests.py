"""Whatever is sent to Entra and Key Vault, they answer; nothing of it is kept unless it was right."""

from __future__ import annotations

import itertools
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.azure import Azure
from simulator.http import Request, Response

VAULT = "vault.vault.azure.net"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
OTHERS = dict.fromkeys(("tags", "attributes", "contentType"), JSON)
FIELDS = {"value": JSON, **OTHERS}
BODIES = (
    JSON | st.fixed_dictionaries({}, optional=FIELDS) | st.fixed_dictionaries({"value": st.text()}, optional=OTHERS)
)
NAMES = st.sampled_from(["d-1", "d-2", "d_3", "", "x" * 128, "d-1/versions", "d-1/0", "restore", "d-1/backup", "é"])
AZURE = Azure()
TOKEN = AZURE.entra.token(AZURE.entra.client_id, "https://vault.azure.net", authority="https://localhost")
NUMBERS = itertools.count()


def to_vault(vault: str, method: str, path: str, body: bytes, **query: str) -> Response:
    headers = {"authorization": f"Bearer {TOKEN}"}
    return AZURE.handle(Request(method, vault, 443, path, {"api-version": "7.4", **query}, headers, body))


WRITES = st.sampled_from([("PUT", "/secrets/d-1"), ("PATCH", "/secrets/d-1"), ("POST", "/secrets/restore")])
ANYTHING = st.tuples(
    st.sampled_from(["GET", "PUT", "PATCH", "POST", "DELETE", "HEAD"]),
    st.tuples(st.sampled_from(["/secrets/", "/deletedsecrets/", "/secrets", "/keys/", "/"]), NAMES).map("".join),
)


@settings(max_examples=200, deadline=None)
@given(
    call=WRITES | ANYTHING,
    body=BODIES.map(lambda document: json.dumps(document).encode()) | st.binary(max_size=40),
    query=st.dictionaries(st.sampled_from(["maxresults", "$skiptoken", "x"]), st.text(max_size=12), max_size=2),
)
def test_a_vault_answers_any_request(call: tuple[str, str], body: bytes, query: dict[str, str]):
    method, path = call
    vault = f"v{next(NUMBERS)}.vault.azure.net"
    to_vault(vault, "PUT", "/secrets/d-1", b'{"value": "before"}')
    assert to_vault(vault, method, path, body, **query).status < 500
    for one in json.loads(to_vault(vault, "GET", "/secrets", b"").body)["value"]:
        assert isinstance(one["attributes"]["enabled"], bool)
        assert all(isinstance(text, str) for text in one.get("tags", {}).values())


@settings(max_examples=100, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST"]),
    tenant=st.sampled_from([AZURE.tenant, "common", "nobody", "%00"]),
    page=st.sampled_from(["oauth2/v2.0/token", "oauth2/token", "discovery/instance", "v2.0/.well-known/openid-configuration"]),
    body=st.binary(max_size=60)
    | st.dictionaries(
        st.sampled_from(["grant_type", "client_id", "client_secret", "scope", "client_assertion_type"]),
        st.sampled_from(["client_credentials", AZURE.entra.client_id, "a b", "https://x/.default", ""]),
    ).map(lambda form: "&".join(f"{name}={value}" for name, value in form.items()).encode()),
    basic=st.text(max_size=20),
)  # fmt: skip
def test_a_directory_answers_any_request(method: str, tenant: str, page: str, body: bytes, basic: str):
    headers = {"authorization": f"Basic {basic}"}
    answered = AZURE.handle(Request(method, "localhost", 443, f"/{tenant}/{page}", {}, headers, body))
    assert answered.status < 500
    assert "access_token" not in json.loads(answered.body)


@settings(max_examples=100, deadline=None)
@given(token=st.text(max_size=60) | st.binary(max_size=40).map(lambda raw: raw.decode("latin-1")))
def test_a_token_that_we_did_not_sign_opens_nothing(token: str):
    headers = {"authorization": f"Bearer {token}"}
    request = Request("GET", VAULT, 443, "/secrets", {"api-version": "7.4"}, headers)
    assert AZURE.handle(request).status == 401

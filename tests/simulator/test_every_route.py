"""Malformed bodies to every call that is not Resource Manager's: vaults, directory, metrics, control."""

from __future__ import annotations

import re

import orjson
import pytest

from simulator.azure import Azure
from simulator.http import Request, Response
from simulator.key_vault import ROUTES
from simulator.monitor import PATH as BATCH_PATH
from tests.simulator.builders import bearer
from tests.simulator.test_fuzz import BODIES

VAULTS, METRICS = "https://vault.azure.net", "https://metrics.monitor.azure.com"
TWISTED = (*BODIES, b'{"kty": []}', b'{"value": {}}', b'{"attributes": 5}', b'{"lifetimeActions": [5]}', b'{"key": {}}')
QUERIES = ({}, {"$skiptoken": "!", "maxresults": "-1", "$filter": "x eq", "parts": "x", "effects_after": "x"})


@pytest.fixture(scope="module")
def azure() -> Azure:
    one = Azure(real=lambda: 0.0, throttled=False)
    for path, body in (("/keys/one/create", b'{"kty": "RSA"}'), ("/secrets/one", b'{"value": "x"}')):
        assert sent(one, "POST" if "keys" in path else "PUT", path, body, "v.vault.azure.net").status == 200
    return one


def sent(azure: Azure, method: str, path: str, body: bytes, host: str, **query: str) -> Response:
    audience = VAULTS if ".vault." in host else METRICS
    headers = {"authorization": f"Bearer {bearer(azure, audience)}"}
    return azure.handle(Request(method, host, 443, path, {"api-version": "7.4", **query}, headers, body))


def named(pattern: str) -> str:
    """A path that a route's expression matches."""
    filled = re.sub(r"\(\?:/\(\[\^/\]\+\)\)\?", "", pattern)
    return re.sub(r"\(\[\^/\][+*]\)", "one", filled)


VAULT_CALLS = sorted({(route.method, named(route.path.pattern)) for route in ROUTES})


@pytest.mark.parametrize(("method", "path"), VAULT_CALLS)
def test_a_call_of_a_vault_answers_any_body(azure, method, path):
    assert any(route.method == method and route.path.fullmatch(path) for route in ROUTES)
    for body in TWISTED:
        for query in QUERIES:
            answered = sent(azure, method, path, body, "v.vault.azure.net", **query)
            assert answered.status < 500, (body[:40], answered.body)
            if answered.status >= 400:
                assert orjson.loads(answered.body)["error"]["code"]


CONTROL = [call.split(" ", 1) for call, _ in Azure(real=lambda: 0.0).control.served()]


@pytest.mark.parametrize(("method", "path"), CONTROL)
def test_a_call_of_the_control_answers_any_body(method, path):
    azure = Azure(real=lambda: 0.0)
    for body in (*TWISTED, b'{"scale": "x"}', b'{"advance_seconds": []}', b'{"kind": "status", "path": "("}'):
        for query in QUERIES:
            assert sent(azure, method, path, body, "localhost", **query).status < 500, body[:40]


def test_the_batch_of_metrics_answers_any_body(azure):
    path = f"/subscriptions/{azure.arm.subscriptions[0]}/metrics:getBatch"
    assert BATCH_PATH.fullmatch(path)
    for body in (*TWISTED, b'{"resourceids": 5}', b'{"resourceids": [{}]}'):
        assert sent(azure, "POST", path, body, "localhost", metricnames="x", metricnamespace="y").status < 500


@pytest.mark.parametrize("page", ["oauth2/token", "oauth2/v2.0/token", "v2.0/.well-known/openid-configuration", "x"])
def test_a_page_of_the_directory_answers_any_body(azure, page):
    for method in ("GET", "POST", "PUT", "HEAD"):
        for body in TWISTED:
            assert sent(azure, method, f"/{azure.tenant}/{page}", body, "localhost").status < 500

"""Metrics, keys and controls answer anything that is sent with a refusal or a result, and never break."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.azure import Azure
from simulator.http import Request
from simulator.vaults import Vault
from tests.simulator.builders import bearer
from tests.simulator.key_clients import keys, raw
from tests.simulator.measured import AUDIENCE, a_fleet, metrics, post_batch

SPANS = st.sampled_from(
    ["0001-01-01T00:00:00Z/0001-01-02T00:00:00Z", "P9999999D", "PT1H", "/", "x/PT1H", "2026-01-01/P999999999D",
     "9999-12-31T23:59:59Z/PT9999999H", "2026-01-01T00:00:00Z/2026-01-01T00:00:30Z", "%2F", "PT0S", "+", "P"]
)  # fmt: skip
WORDS = st.one_of(st.text(max_size=12), SPANS)
NAMES = st.sampled_from(["timespan", "interval", "metricnames", "aggregation", "metricnamespace", "$filter", "top"])
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 2**63), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["kty", "key_size", "key_ops", "attributes", "enabled", "exp", "nbf", "tags", "value", "alg", "key",
                 "n", "e", "d", "p", "q", "lifetimeActions", "trigger", "action", "type", "timeAfterCreate", "Hsm",
                 "expiryTime", "resourceids", "database", "cpu_vcores", "until", "name", "vault", "object_id", "role"]
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=10,
)  # fmt: skip
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def fleet() -> tuple[Azure, list[str]]:
    azure = Azure(real=lambda: 0.0, throttled=False)
    _, databases = a_fleet(azure, 1)
    keys(azure).create_rsa_key("one", size=2048)
    return azure, databases


@FEW
@given(query=st.dictionaries(NAMES, WORDS, max_size=4))
def test_any_question_about_metrics_is_answered_or_refused(fleet, query):
    azure, databases = fleet
    assert metrics(azure, databases[0], **query)[0] in (200, 400)
    assert post_batch(azure, databases, **{name: value for name, value in query.items() if name != "timespan"})[0] in (
        200,
        400,
    )


@FEW
@given(span=SPANS, interval=st.sampled_from(["PT1M", "PT1H", "P1D", "FULL", "PT6H"]))
def test_any_span_is_answered_or_refused(fleet, span, interval):
    azure, databases = fleet
    assert metrics(azure, databases[0], timespan=span, interval=interval)[0] in (200, 400)


@FEW
@given(
    call=st.sampled_from(
        [("POST", "/keys/two/create"), ("PUT", "/keys/two"), ("PATCH", "/keys/one"), ("PUT", "/keys/one/rotationpolicy"),
         ("POST", "/keys/one//wrapkey"), ("POST", "/keys/one//unwrapkey"), ("POST", "/keys/restore"),
         ("POST", "/keys/none/rotate"), ("PUT", "/secrets/s"), ("POST", "/secrets/restore")]
    ),
    document=JSON,
)  # fmt: skip
def test_any_body_for_keys_is_answered_or_refused(fleet, call, document):
    azure, _ = fleet
    assert raw(azure, *call, document)[0] in (200, 400, 403, 404)


@FEW
@given(path=st.sampled_from(["/workload", "/monitoring", "/vaults", "/vaults/grant", "/vaults/revoke"]), document=JSON)
def test_any_wish_of_a_test_is_granted_or_refused(path, document):
    azure = Azure(real=lambda: 0.0)
    response = azure.handle(Request("POST", "localhost", 1, f"/_sim{path}", {}, {}, orjson.dumps(document)))
    assert response.status in (200, 201, 204, 400)


@FEW
@given(document=JSON)
def test_any_body_of_a_batch_is_answered_or_refused(fleet, document):
    azure, _ = fleet
    headers = {"authorization": f"Bearer {bearer(azure, AUDIENCE)}"}
    query = {"api-version": "1", "metricnames": "cpu_percent", "metricnamespace": "Microsoft.Sql/servers/databases"}
    path = f"/subscriptions/{azure.arm.subscriptions[0]}/metrics:getBatch"
    request = Request("POST", "localhost", 1, path, query, headers, orjson.dumps(document))
    assert azure.handle(request).status == 400


def test_a_clock_that_leaps_decades_makes_up_for_some_rotations_at_a_time():
    azure = Azure(real=lambda: 0.0)
    azure.vaults.vaults.put(Vault("main"))
    client = keys(azure)
    client.create_rsa_key("one", size=2048)
    action = {"trigger": {"timeAfterCreate": "P30D"}, "action": {"type": "Rotate"}}
    assert raw(azure, "PUT", "/keys/one/rotationpolicy", {"lifetimeActions": [action]})[0] == 200
    azure.clock.advance(timedelta(days=750))
    assert len(list(client.list_properties_of_key_versions("one"))) == 21
    assert len(list(client.list_properties_of_key_versions("one"))) == 26

"""Whatever comes over the wire: an answer or a closed connection, never a crash, never a client that waits for ever."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import quote

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.arm.routing import Route, routes
from simulator.azure import Azure
from simulator.http import Request, Response
from tests.simulator.builders import a_database, a_pool, a_server, bearer, settle
from tests.simulator.test_alike import OverTls

NAMES = {"group": "rg", "server": "one", "pool": "p1", "database": "d1", "location": "eastus"}
DEEP = b'{"properties":' * 5000 + b"1" + b"}" * 5000
BODIES = (
    b"", b"null", b"[]", b'"text"', b"0", b"{", b'{"properties": [}', b"\xff\xfe", b'{"a": 1e999}', b'{"properties": 5}',
    b'{"sku": [], "properties": {}}', b'{"location": {}, "properties": {"createMode": 5}}', b'{"tags": {"a": {"b": []}}}',
    b'{"properties": {"elasticPoolId": "/", "sourceDatabaseId": "x", "restorePointInTime": "never"}}',
    b'{"location": "eastus", "sku": {"name": "' + b"x" * 100_000 + b'"}}', DEEP, b'{"id": "' + b"/a" * 50_000 + b'"}',
)  # fmt: skip


@pytest.fixture(scope="module")
def furnished() -> Azure:
    azure = Azure(real=lambda: 0.0, throttled=False)
    server = a_server(azure)
    a_pool(azure, server)
    a_database(azure, server)
    return azure


def sent(azure: Azure, served: Route, body: bytes, **query: str) -> Response:
    names = {"subscription": azure.arm.subscriptions[0], **NAMES}
    path = served.template
    for name in served.parameters:
        path = path.replace("{" + name + "}", names.get(name, "x"))
    headers = {"authorization": f"Bearer {bearer(azure)}"}
    versioned = {"api-version": "2023-08-01", **query}
    return azure.handle(Request(served.method, "localhost", 443, path, versioned, headers, body))


@pytest.mark.parametrize("served", routes(), ids=lambda served: f"{served.method} {served.template[-60:]}")
def test_a_route_answers_any_body(furnished, served):
    for body in BODIES if served.method in ("PUT", "PATCH", "POST") else BODIES[:2]:
        answer = sent(
            furnished, served, body, **{"$filter": "x eq", "$skipToken": "!", "timespan": "a/b", "interval": "?"}
        )
        assert answer.status < 500, (body[:60], answer.body)
        if answer.status >= 400 and served.method != "HEAD":
            document = orjson.loads(answer.body)
            assert document.get("error", document)["code"]
        settle(furnished)


CONTROLS = [call.split(" ") for call, _ in Azure().control.served() if call.startswith(("POST", "PUT"))]
TOLD = {
    "clock": {"advance_seconds": 60, "scale": 2},
    "faults": {"kind": "status", "status": 503, "count": 1, "rate": 0.5, "seconds": 5, "retry_after": 1, "path": "x",
               "hang_seconds": 1, "service": "arm", "method": "GET", "code": "Busy", "message": "Busy."},
    "issuers": {"issuer": "https://issuer.example", "public_key": "-----BEGIN PUBLIC KEY-----"},
    "apps": {"name": "auditor", "roles": {"api://product": ["Operator"]}},
    "events": {"endpoint": "https://localhost/told", "audience": "api://product"},
    "workload": {"database": "{root}", "cpu_vcores": 1, "storage_gb": 1, "growth_gb_per_day": 1, "until": "2100-01-01"},
    "monitoring": {"client_id": "x", "denied": True},
    "quotas": {"servers_per_region": 20, "sql_updates_per_second": 12.0, "closed_regions": []},
    "policies": {"name": "a", "type": "Microsoft.Sql/servers", "field": "location", "equals": "x", "scope": "/"},
    "vaults": {"name": "vault", "soft_delete_days": 7, "is_open": True, "allowed_addresses": []},
    "grant": {"vault": "vault", "object_id": "x", "keys": ["get"]},
    "revoke": {"vault": "vault", "object_id": "x"},
}  # fmt: skip
STRANGE = (None, True, "x", -1, 0, 5, 9999, 1e12, 1e308, 10**400, [], [5], {}, {"a": 5}, "é", "[", "http://[")


@pytest.mark.parametrize(("method", "path"), CONTROLS, ids=" ".join)
def test_no_word_to_the_simulator_itself_breaks_what_comes_after(method, path):
    """Each field with each strange value: taken or refused by a 4xx, and then everything is still served."""
    azure = Azure(real=lambda: 0.0, throttled=False)
    database = f"/subscriptions/{azure.arm.subscriptions[0]}{a_database(azure, a_server(azure))}"
    right = json.loads(json.dumps(TOLD[path.rsplit("/", 1)[1]]).replace("{root}", database))
    bodies = [json.dumps({**right, name: value}).encode() for name in right for value in STRANGE]
    for body in (*BODIES, *bodies, json.dumps(right).encode()):
        answer = azure.handle(Request(method, "localhost", 443, path, {}, {}, body))
        assert answer.status < 500, body[:90]
        azure.handle(Request("DELETE", "localhost", 443, "/_sim/policies", {}, {}, b""))
        assert all(one.status < 600 and one.status != 500 for one in looks(azure, database)), body[:90]
        azure.handle(Request("DELETE", "localhost", 443, "/_sim/faults", {}, {}, b""))
    assert answer.status < 300, answer.body


def looks(azure: Azure, database: str) -> list[Response]:
    """Answers to a read, to a change, and about the simulator's state."""
    headers = {"authorization": f"Bearer {bearer(azure)}"}
    query = {"api-version": "2023-08-01"}
    read = azure.handle(Request("GET", "localhost", 443, database, query, headers, b""))
    written = azure.handle(Request("PATCH", "localhost", 443, database, query, headers, b'{"tags": {"a": "b"}}'))
    settle(azure)
    return [read, written, azure.handle(Request("GET", "localhost", 443, "/_sim/state", {}, {}, b""))]


def test_a_clock_that_was_refused_has_not_moved():
    azure = Azure(real=lambda: 0.0)
    before, scale = azure.clock.now(), azure.clock.scale
    for document in ({"advance_seconds": 1e12}, {"advance_seconds": 1e308}, {"advance_seconds": 9, "scale": 0},
                     {"advance_seconds": 9, "scale": 1e9}, {"advance_seconds": "9"}):  # fmt: skip
        refusal = azure.handle(Request("POST", "localhost", 443, "/_sim/clock", {}, {}, orjson.dumps(document)))
        assert (refusal.status, azure.clock.now(), azure.clock.scale) == (400, before, scale)


WORDS = st.sampled_from(
    ["eastus", "one", "", "x" * 300, "../..", "%00", "a/b", "É", "' or 1=1", "d1,133000000000000000"]
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    served=st.sampled_from(routes()), words=st.lists(WORDS, min_size=8, max_size=8), body=st.sampled_from(BODIES[:12])
)
def test_a_route_answers_for_any_name(furnished, served, words, body):
    path = served.template
    for name, word in zip(served.parameters, words, strict=False):
        path = path.replace("{" + name + "}", furnished.arm.subscriptions[0] if name == "subscription" else word)
    headers = {"authorization": f"Bearer {bearer(furnished)}"}
    request = Request(served.method, "localhost", 443, path, {"api-version": "2023-08-01"}, headers, body)
    assert furnished.handle(request).status < 500
    settle(furnished)


@pytest.fixture(scope="module")
def over_tls(tmp_path_factory) -> Iterator[OverTls]:
    one = OverTls(tmp_path_factory.mktemp("tls"))
    yield one
    one.stop()


def a_conversation(over_tls: OverTls) -> bytes:
    """One request with a body, as a client writes it."""
    body = b'{"location": "eastus"}'
    path = f"/subscriptions/{over_tls.azure.arm.subscriptions[0]}/resourceGroups/cut?api-version=2022-09-01"
    head = f"PUT {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer x\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def still_serves(over_tls: OverTls) -> bool:
    connection = over_tls.connection()
    connection.request("GET", "/metadata/endpoints?api-version=2020-06-01")
    return connection.getresponse().status == 200


def test_a_request_cut_at_each_byte_harms_nobody(over_tls, caplog):
    whole = a_conversation(over_tls)
    caplog.set_level(logging.WARNING)
    tls = ssl.create_default_context(cafile=str(over_tls.certificates.ca_file))
    for length in range(len(whole)):
        with (
            socket.create_connection(("localhost", over_tls.port), timeout=10) as plain,
            tls.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            client.sendall(whole[:length])
    assert still_serves(over_tls)
    assert "simulator.request_failed" not in caplog.text
    assert (
        over_tls.azure.arm.resources.get(f"/subscriptions/{over_tls.azure.arm.subscriptions[0]}/resourceGroups/cut")
        is None
    )


def test_a_handshake_cut_at_each_byte_harms_nobody(over_tls):
    hello = client_hello()
    for length in range(len(hello)):
        with socket.create_connection(("localhost", over_tls.port), timeout=10) as plain:
            plain.sendall(hello[:length])
    assert still_serves(over_tls)


def client_hello() -> bytes:
    out = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


def test_twisted_tls_is_hung_up_on(over_tls):
    hello = bytearray(client_hello())
    hello[0] ^= 0xFF
    with socket.create_connection(("localhost", over_tls.port), timeout=10) as plain:
        plain.sendall(bytes(hello))
        while plain.recv(4096):
            pass  # an alert may come first; then the end


def test_a_body_without_end_is_refused_before_it_fills_the_memory(over_tls):
    connection = over_tls.connection()
    connection.putrequest("PUT", "/subscriptions")
    connection.putheader("transfer-encoding", "chunked")
    connection.endheaders()
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    assert refused_while_sending(connection, chunk, at_most=200_000)  # it reads on, and forgets, for two seconds
    assert still_serves(over_tls)


def refused_while_sending(connection: http.client.HTTPSConnection, chunk: bytes, *, at_most: int) -> bool:
    """Whether the server hangs up before all of it is sent."""
    try:
        for _ in range(at_most):
            connection.send(chunk)
    except OSError:
        return True
    return False


def test_who_says_nothing_is_hung_up_on(over_tls, monkeypatch):
    monkeypatch.setattr("simulator.server.IDLE_SECONDS", 0.2)
    connection = over_tls.connection()
    connection.connect()
    assert connection.sock.recv(1) == b""


SERVERS = "/resourceGroups/a/providers/Microsoft.Sql/servers"
STEPS = st.tuples(
    st.sampled_from(["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"]),
    st.sampled_from(
        ["", "/resourceGroups/a", f"{SERVERS}/s",
         f"{SERVERS}/s/databases/d", SERVERS,
         "/providers/Microsoft.Sql/locations/eastus/usages", "/resourceGroups/é a", "/nowhere"]
    ),
    st.sampled_from([None, {}, {"location": "eastus"}, [], "x", {"location": "eastus", "properties": {
        "administratorLogin": "boss", "administratorLoginPassword": "Correct-Horse-9"}}]),
    st.booleans(),
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=1, max_size=8))
def test_any_requests_get_the_same_answers_over_tls_and_in_process(over_tls, steps):
    """Both begin empty: what one way makes, the other makes, too."""
    near, far = Azure(real=lambda: 0.0), Azure(real=lambda: 0.0)
    over_tls.use(far)
    connection = over_tls.connection()
    for method, path, document, signed in steps:
        whole = f"/subscriptions/{near.arm.subscriptions[0]}{path}"
        body = b"" if document is None else orjson.dumps(document)
        query = {"api-version": "2023-08-01"}
        headers = {"authorization": f"Bearer {bearer(far)}"} if signed else {}
        connection.request(method, f"{http_path(whole)}?api-version=2023-08-01", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        mine = {"authorization": f"Bearer {bearer(near)}"} if signed else {}
        expected = near.handle(Request(method, "localhost", over_tls.port, whole, query, mine, body))
        assert answer.status == expected.status
        assert {name.lower() for name, _ in answer.getheaders()} - HOP <= set(expected.headers) | {"content-length"}
        assert set(expected.headers) - HOP <= {name.lower() for name, _ in answer.getheaders()}
        if method != "HEAD":
            assert without_moments(content) == without_moments(expected.body)


HOP = {"connection"}
MOMENTS = {"startTime", "creationDate"}


def http_path(path: str) -> str:
    return "/".join(map(quote, path.split("/")))


def without_moments(body: bytes) -> object:
    document = json.loads(body or b"null")
    return (
        {name: value for name, value in document.items() if name not in MOMENTS}
        if isinstance(document, dict)
        else document
    )


def test_a_reply_to_a_client_that_left_is_dropped(over_tls):
    """Pipelined requests whose client is gone before the first answer."""
    tls = ssl.create_default_context(cafile=str(over_tls.certificates.ca_file))
    with (
        socket.create_connection(("localhost", over_tls.port), timeout=10) as plain,
        tls.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        client.sendall(b"GET /metadata/endpoints HTTP/1.1\r\nhost: localhost\r\n\r\n" * 200)
    assert still_serves(over_tls)
    assert asyncio.run_coroutine_threadsafe(asyncio.sleep(0), over_tls.loop).result(10) is None

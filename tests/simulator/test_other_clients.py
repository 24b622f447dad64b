"""Requests written as other clients write them: the command line, Go, .NET, JavaScript, Java, curl."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator

import pytest

from tests.simulator.builders import PASSWORD, a_database, a_server, bearer
from tests.simulator.test_alike import OverTls

VERSION = "api-version=2023-08-01"
DATABASE = "/resourceGroups/rg/providers/Microsoft.Sql/servers/one/databases/d1"


@pytest.fixture(scope="module")
def over_tls(tmp_path_factory) -> Iterator[OverTls]:
    one = OverTls(tmp_path_factory.mktemp("tls"))
    a_database(one.azure, a_server(one.azure))
    yield one
    one.stop()


class Wire:
    """One TLS connection on which the bytes are chosen by the test."""

    def __init__(self, over_tls: OverTls) -> None:
        self.azure = over_tls.azure
        tls = ssl.create_default_context(cafile=str(over_tls.certificates.ca_file))
        tls.set_alpn_protocols(["h2", "http/1.1"])  # as clients that would rather speak HTTP/2 offer them
        plain = socket.create_connection(("localhost", over_tls.port), timeout=10)
        self.socket = tls.wrap_socket(plain, server_hostname="localhost")
        self._read = self.socket.makefile("rb")

    def ask(self, line: str, *headers: str, body: bytes = b"", then: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        """Send a request; `then` goes out once the server said 100."""
        line = line.replace("{root}", f"/subscriptions/{self.azure.arm.subscriptions[0]}")
        head = [line, *headers, f"Authorization: Bearer {bearer(self.azure)}"]
        self.socket.sendall("\r\n".join([*head, "", ""]).encode() + body)
        if then:
            assert self._read.readline() == b"HTTP/1.1 100 Continue\r\n"
            assert self._read.readline() == b"\r\n"
            self.socket.sendall(then)
        return self._answer(head_only=line.startswith("HEAD "))

    def _answer(self, *, head_only: bool) -> tuple[int, dict[str, str], bytes]:
        status = int(self._read.readline().split()[1])
        headers: dict[str, str] = {}
        while (line := self._read.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        length = 0 if head_only else int(headers.get("content-length", "0"))
        return status, headers, self._read.read(length)


@pytest.fixture
def wire(over_tls) -> Iterator[Wire]:
    one = Wire(over_tls)
    yield one
    one.socket.close()


SPELLINGS = [
    ("{root}" + DATABASE, "as documented"),
    ("{root}" + DATABASE + "/", "with a slash at the end"),
    ("{root}" + DATABASE.lower(), "in lower case, as az rest"),
    ("{root}" + DATABASE.upper(), "in capitals"),
    ("/" + "{root}" + DATABASE.replace("/servers", "//servers"), "with slashes doubled by a base address"),
    ("{root}" + DATABASE.replace("Microsoft.Sql", "Microsoft%2ESql").replace("d1", "%641"), "percent-encoded"),
]


@pytest.mark.parametrize(("path", "why"), SPELLINGS, ids=[why for _, why in SPELLINGS])
def test_a_path_is_found_however_it_is_spelt(wire, path, why):
    status, headers, body = wire.ask(f"GET {path}?{VERSION} HTTP/1.1", "Host: localhost")
    assert (status, json.loads(body)["name"]) == (200, "d1")
    assert headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("query", ["API-Version=2023-08-01", "Api-Version=2023-08-01&", "&x=&api-version=2023-08-01"])
def test_the_version_is_found_however_its_name_is_spelt(wire, query):
    assert wire.ask(f"GET {{root}}{DATABASE}?{query} HTTP/1.1", "Host: localhost")[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        ("HOST: localhost", "ACCEPT: */*", "USER-AGENT: AZURECLI/2.80 (MSI)"),
        ("host:localhost", "accept:application/json", "accept-encoding: gzip, deflate, br"),
        ("Host: LOCALHOST:8443", "x-ms-client-request-id: {A-B}", "CommandName: sql db show", "ParameterSetName: -n"),
        ("Host: [::1]:8443", "User-Agent: azsdk-go-armsql/v1 (go1.26; linux)", "Connection: keep-alive"),
        ("Host: 127.0.0.1", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ],
)
def test_headers_come_in_any_case_and_number(wire, headers):
    assert wire.ask(f"GET {{root}}{DATABASE}?{VERSION} HTTP/1.1", *headers)[0] == 200


def test_a_body_comes_in_chunks_as_java_and_go_send_streams(wire):
    pieces = (b'{"location": ', b'"eastus", "tags"', b': {"a": "b"}}')
    chunks = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nTrailer: x\r\n\r\n"
    line = f"PUT {{root}}/resourceGroups/chunked?{VERSION} HTTP/1.1"
    status, _, body = wire.ask(line, "Host: localhost", "Transfer-Encoding: chunked", body=chunks)
    assert (status, json.loads(body)["tags"]) == (201, {"a": "b"})


def test_who_expects_100_hears_it_before_sending_the_body(wire):
    body = b'{"location": "eastus"}'
    line = f"PUT {{root}}/resourceGroups/expected?{VERSION} HTTP/1.1"
    length = f"Content-Length: {len(body)}"
    assert wire.ask(line, "Host: localhost", length, "Expect: 100-continue", then=body)[0] == 201


def test_a_connection_serves_many_requests_and_those_sent_ahead(wire):
    one = f"GET /subscriptions/{wire.azure.arm.subscriptions[0]}{DATABASE}?{VERSION} HTTP/1.1\r\nHost: localhost\r\n"
    one += f"Authorization: Bearer {bearer(wire.azure)}\r\n\r\n"
    wire.socket.sendall(one.encode() * 3)
    assert [wire._answer(head_only=False)[0] for _ in range(3)] == [200, 200, 200]
    assert wire.ask(f"GET {{root}}{DATABASE}?{VERSION} HTTP/1.1", "Host: localhost")[0] == 200


def test_a_client_that_wants_no_more_is_closed_upon(wire):
    status, headers, _ = wire.ask(f"GET {{root}}{DATABASE}?{VERSION} HTTP/1.1", "Host: localhost", "Connection: close")
    assert (status, headers["connection"]) == (200, "close")
    assert wire.socket.recv(1) == b""


@pytest.mark.parametrize(("group", "expected"), [("rg", 204), ("RG", 204), ("none", 404)])
def test_existence_is_asked_with_head(wire, group, expected):
    status, _, body = wire.ask(f"HEAD {{root}}/resourcegroups/{group}?{VERSION} HTTP/1.1", "Host: localhost")
    assert (status, body) == (expected, b"")
    assert wire.ask(f"GET {{root}}{DATABASE}?{VERSION} HTTP/1.1", "Host: localhost")[0] == 200


def test_bodies_may_begin_with_a_byte_order_mark_and_be_of_any_declared_json(wire):
    body = b'\xef\xbb\xbf{"location": "eastus"}'
    line = f"PUT {{root}}/resourceGroups/marked?{VERSION} HTTP/1.1"
    sent = (f"Content-Length: {len(body)}", "Content-Type: application/json; odata=verbose; charset=UTF-8")
    assert wire.ask(line, "Host: localhost", *sent, body=body)[0] == 201


def test_a_token_is_had_in_the_ways_of_other_libraries(wire):
    """adal asks the first version for a resource, msal the second for a scope, .NET with the tenant's name in capitals."""
    azure = wire.azure
    secret = (
        f"grant_type=client_credentials&client_id={azure.entra.client_id}&client_secret={azure.entra.client_secret}"
    )
    ways = [
        (f"/{azure.tenant}/oauth2/token", "resource=https%3A%2F%2Fmanagement.azure.com%2F"),
        (f"/{azure.tenant.upper()}/oauth2/v2.0/token", "scope=https%3A%2F%2Fmanagement.azure.com%2F%2F.default"),
    ]
    for path, wanted in ways:
        body = f"{secret}&{wanted}".encode()
        sent = ("Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}")
        status, _, answered = wire.ask(f"POST {path}?{VERSION} HTTP/1.1", "Host: localhost", *sent, body=body)
        assert status == 200, answered
        assert json.loads(answered)["token_type"] == "Bearer"


def test_a_server_is_made_as_az_rest_makes_it(wire):
    login = {"administratorLogin": "boss", "administratorLoginPassword": PASSWORD, "version": "12.0"}
    body = json.dumps({"location": "East US", "properties": login, "tags": None, "identity": None}).encode()
    line = f"PUT {{root}}/resourcegroups/RG/providers/microsoft.sql/servers/two?{VERSION} HTTP/1.1"
    sent = (f"Content-Length: {len(body)}", "Content-Type: application/json")
    status, headers, _ = wire.ask(line, "Host: localhost", *sent, body=body)
    assert status == 202
    where = headers["azure-asyncoperation"].partition("localhost")[2].partition("/")[2]
    status, _, answered = wire.ask(f"GET /{where} HTTP/1.1", "Host: localhost")
    assert (status, json.loads(answered)["status"]) == (200, "InProgress")

"""The same requests get the same answers over TLS and in process."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
import threading
from collections.abc import Iterator

import orjson
import pytest

from simulator.azure import Azure
from simulator.certificates import Certificates
from simulator.http import Request, Response
from simulator.server import listen
from tests.simulator.builders import PASSWORD, bearer

SERVER = {"location": "eastus", "properties": {"administratorLogin": "boss", "administratorLoginPassword": PASSWORD}}
GROUP = "/resourceGroups/rg"
ONE = f"{GROUP}/providers/Microsoft.Sql/servers/one"
EXCHANGES = [
    ("PUT", GROUP, {"location": "eastus"}),
    ("HEAD", GROUP, None),
    ("PUT", ONE, SERVER),
    ("PUT", ONE, SERVER),
    ("GET", ONE, None),
    ("GET", f"{GROUP}/providers/Microsoft.Sql/servers", None),
    ("DELETE", f"{ONE}x", None),
    ("GET", "/nowhere", None),
]


class OverTls:
    """An Azure behind a real socket, in a thread with its own loop; time stands still."""

    def __init__(self, directory, handle=None) -> None:
        self.azure = Azure(real=lambda: 0.0)
        self.certificates = Certificates(directory)
        self.loop = self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        start = listen(handle or self._handle, host="127.0.0.1", port=0, context=self.certificates.context())
        self.server = asyncio.run_coroutine_threadsafe(start, self._loop).result(10)
        self.port = self.server.sockets[0].getsockname()[1]

    def use(self, azure: Azure) -> None:
        """Answer from another one from now on."""
        self.azure = azure

    def _handle(self, request: Request) -> Response:
        return self.azure.handle(request)

    def connection(self) -> http.client.HTTPSConnection:
        tls = ssl.create_default_context(cafile=str(self.certificates.ca_file))
        return http.client.HTTPSConnection("localhost", self.port, context=tls, timeout=10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self.server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@pytest.fixture
def over_tls(tmp_path) -> Iterator[OverTls]:
    one = OverTls(tmp_path)
    yield one
    one.stop()


def test_both_ways_answer_alike(over_tls):
    twin = Azure(real=lambda: 0.0)
    connection = over_tls.connection()
    for method, path, document in EXCHANGES:
        whole = f"/subscriptions/{twin.arm.subscriptions[0]}{path}"
        body = b"" if document is None else orjson.dumps(document)
        headers = {"authorization": f"Bearer {bearer(over_tls.azure)}"}
        connection.request(method, f"{whole}?api-version=2023-08-01", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        own = {"authorization": f"Bearer {bearer(twin)}"}
        expected = twin.handle(
            Request(method, "localhost", over_tls.port, whole, {"api-version": "2023-08-01"}, own, body)
        )
        assert answer.status == expected.status
        assert {name.lower() for name, _ in answer.getheaders()} == set(expected.headers)
        assert _without_times(content) == _without_times(expected.body if method != "HEAD" else b"")


def _without_times(body: bytes) -> object:
    document = json.loads(body or b"null")
    return {**document, "startTime": None} if isinstance(document, dict) and "startTime" in document else document


def test_a_body_that_is_too_large_is_refused_before_it_is_read(over_tls):
    connection = over_tls.connection()
    connection.putrequest("PUT", "/subscriptions")
    connection.putheader("content-length", str(5 * 1024 * 1024))
    connection.endheaders()
    assert connection.getresponse().status == 413


def test_who_sends_too_large_a_body_to_its_end_reads_the_refusal_and_then_the_end(over_tls):
    connection = over_tls.connection()
    connection.request("PUT", "/subscriptions", b"x" * (8 * 1024 * 1024))
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("connection")) == (413, "close")
    assert orjson.loads(answer.read())["error"]["code"] == "RequestEntityTooLarge"


def test_a_client_that_stays_after_a_refusal_is_hung_up_on(over_tls):
    connection = over_tls.connection()
    connection.connect()
    connection.sock.sendall(b"PUT / HTTP/1.1\r\ncontent-length: 9999999\r\n\r\n")
    received = b""
    while piece := connection.sock.recv(4096):
        received += piece
    assert received.startswith(b"HTTP/1.1 413 ")
    assert received.count(b"HTTP/1.1") == 1


def test_headers_without_end_are_refused(over_tls):
    connection = over_tls.connection()
    connection.putrequest("GET", "/subscriptions")
    connection.putheader("x-long", "x" * 70_000)
    connection.endheaders()
    assert connection.getresponse().status in (400, 413)


def test_a_bug_in_a_handler_is_a_500_and_is_logged(tmp_path, caplog):
    def broken(request):
        raise RuntimeError("a bug")

    one = OverTls(tmp_path, broken)
    connection = one.connection()
    connection.request("GET", "/")
    assert connection.getresponse().status == 500
    assert "a bug" in caplog.text
    one.stop()


def test_what_is_not_http_is_refused(over_tls):
    connection = over_tls.connection()
    connection.connect()
    connection.sock.sendall(b"NONSENSE\r\n\r\n")
    assert connection.sock.recv(100).startswith(b"HTTP/1.1 400")


def test_the_keys_are_for_the_owner_only(tmp_path):
    certificates = Certificates(tmp_path)
    assert {file.stat().st_mode & 0o077 for file in (certificates.server_file, tmp_path / "ca.key")} == {0}
    before = certificates.ca_file.read_bytes()
    assert Certificates(tmp_path).ca_file.read_bytes() == before

"""Answers without end, of a server on a socket: they are given up, and told as answers that did not come."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline.transport import HttpRequest, RequestsTransport

from cloud.classify import classify
from cloud.errors import RetryLater
from cloud.transport import BoundedAdapter

LIMIT = 2**20
PACKED = gzip.compress(b"0" * 4 * LIMIT)


class Answers(BaseHTTPRequestHandler):
    """By path: as much as fits, more than that, a little that unpacks to more, and drops without end."""

    over = threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        if self.path == "/packed":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        try:
            self._body()
        except (BrokenPipeError, ConnectionResetError):
            return  # the client has heard enough

    def _body(self) -> None:
        match self.path:
            case "/packed":
                self.wfile.write(PACKED)
            case "/drops":
                while not self.over.wait(0.05):
                    self.wfile.write(b"0" * 4096)
            case "/large":
                self.wfile.write(b"0" * (LIMIT + 1))
            case _:
                self.wfile.write(b"0" * LIMIT)

    def log_message(self, *_: object) -> None:
        """Nothing to standard error."""


@contextmanager
def a_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Answers.over.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    Answers.over.set()
    server.shutdown()
    server.server_close()


def fetched(url: str) -> bytes:
    session = requests.Session()
    session.mount("http://", BoundedAdapter(largest_bytes=LIMIT, longest_seconds=1.0))
    with RequestsTransport(session=session, connection_timeout=5, read_timeout=5) as transport:
        return bytes(transport.send(HttpRequest("GET", url)).body())


def test_an_answer_of_the_largest_size_is_read_whole():
    with a_server() as url:
        assert len(fetched(f"{url}/fits")) == LIMIT


@pytest.mark.parametrize("path", ["/large", "/packed", "/drops"])
def test_an_answer_without_bounds_is_given_up(path: str):
    with a_server() as url, pytest.raises(ServiceResponseError) as found:
        fetched(f"{url}{path}")
    assert isinstance(classify(found.value), RetryLater)

"""HTTP/1.1 over TLS in front of `Azure.handle`: keep-alive, bounded headers and bodies, one event loop."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from functools import lru_cache

import httptools

from simulator.http import Request, Response, answer, path_and_query

LARGEST_BODY = 4 * 1024 * 1024
LARGEST_HEADERS = 64 * 1024
IDLE_SECONDS = 120.0
LINGER_SECONDS = 2.0  # after a refusal the rest of the request is read and dropped for so long
REASONS = {200: b"OK", 201: b"Created", 202: b"Accepted", 204: b"No Content", 404: b"Not Found"}
log = logging.getLogger(__name__)

Answer = Callable[[Request], Response]


class HttpConnection(asyncio.Protocol):
    """One client. Requests are answered in order; `answer_request` never waits."""

    def __init__(self, answer_request: Answer, port: Callable[[], int]) -> None:
        self._answer = answer_request
        self._port = port
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._too_large = False
        self._refused = False
        self._reset()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._wait_for_more()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._idle:
            self._idle.cancel()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._wait_for_more()
        self._unread += len(data)
        if self._unread > LARGEST_BODY + LARGEST_HEADERS:
            self._refuse(413, "RequestEntityTooLarge")
            return
        try:
            self._parser.feed_data(data)
            if self._too_large:
                self._refuse(413, "RequestEntityTooLarge")
        except httptools.HttpParserCallbackError:
            log.exception("simulator.request_failed")
            self._refuse(500, "InternalServerError")
        except httptools.HttpParserUpgrade:
            self._refuse(400, "UpgradeNotSupported")
        except httptools.HttpParserError:
            self._refuse(400, "BadRequest")

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        self._too_large = self._too_large or self._header_bytes > LARGEST_HEADERS
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        length = self._headers.get("content-length", "0")
        self._too_large = self._too_large or not length.isdigit() or int(length) > LARGEST_BODY
        if not self._too_large and self._transport and self._headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._too_large:
            return
        request = self._request()
        keep_alive = self._parser.should_keep_alive()
        self._reset()
        self._send(self._answer(request), head_only=request.method == "HEAD", keep_alive=keep_alive)

    def _request(self) -> Request:
        path, query = path_and_query(self._url.decode("latin-1"))
        host, port = split_host(self._headers.get("host", ""))
        return Request(
            method=self._parser.get_method().decode("ascii"),
            host=host,
            port=port or self._port(),
            path=path,
            query=query,
            headers=self._headers,
            body=b"".join(self._body),
        )

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._header_bytes = 0
        self._body: list[bytes] = []
        self._unread = 0
        self._too_large = False

    def _send(self, response: Response, *, head_only: bool, keep_alive: bool) -> None:
        if response.cut:
            asyncio.get_running_loop().call_later(response.hang_seconds, self._close)
        elif response.hang_seconds:
            asyncio.get_running_loop().call_later(response.hang_seconds, self._write, response, head_only, keep_alive)
        else:
            self._write(response, head_only, keep_alive)

    def _write(self, response: Response, head_only: bool, keep_alive: bool) -> None:
        if self._transport is None:
            return
        self._transport.write(encoded(response, head_only=head_only, keep_alive=keep_alive))
        if not keep_alive:
            self._transport.close()

    def _refuse(self, status: int, code: str) -> None:
        """Answer, and read on without looking until the client hangs up: closed over unread bytes, the connection would
        be reset, and the answer with it."""
        self._refused = True
        response = answer(status, {"error": {"code": code, "message": "The request could not be read."}})
        if self._transport:
            self._transport.write(encoded(response, head_only=False, keep_alive=False))
        self._close_after(LINGER_SECONDS)

    def _wait_for_more(self) -> None:
        """Close the connection unless something arrives in time."""
        self._close_after(IDLE_SECONDS)

    def _close_after(self, seconds: float) -> None:
        if self._idle:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(seconds, self._close)

    def _close(self) -> None:
        if self._transport:
            self._transport.close()


@lru_cache(maxsize=1024)
def split_host(given: str) -> tuple[str, int | None]:
    """Host and port of a Host header; names count in lower case, an IPv6 address stands in brackets."""
    host, colon, port = given.rpartition(":")
    if not colon or given.endswith("]"):
        host, port = given, ""
    return host.lower() or "localhost", int(port) if port.isdigit() else None


def encoded(response: Response, *, head_only: bool, keep_alive: bool) -> bytes:
    """The answer as bytes on the wire."""
    headers = response.headers
    has_body = response.status not in (204, 304)
    if has_body:
        headers.setdefault("content-length", str(len(response.body)))
    if not keep_alive:
        headers["connection"] = "close"
    reason = REASONS.get(response.status, b"Status")
    lines = [b"HTTP/1.1 %d %s" % (response.status, reason)]
    lines += [f"{name}: {value}".encode("latin-1", "replace") for name, value in headers.items()]
    return b"\r\n".join([*lines, b"", b""]) + (response.body if has_body and not head_only else b"")


async def listen(answer_request: Answer, *, host: str, port: int, context: ssl.SSLContext) -> asyncio.Server:
    """Serve on the port (0: a free one)."""
    bound: list[int] = [port]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: HttpConnection(answer_request, lambda: bound[0]), host, port, ssl=context, backlog=512
    )
    bound[0] = server.sockets[0].getsockname()[1]
    return server

"""The real SDKs against simulator handlers, without a socket."""

from __future__ import annotations

import io
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse

from simulator.http import Request, Response


class _Adapter(BaseAdapter):
    def __init__(self, handler: Callable[[Request], Response]) -> None:
        super().__init__()
        self._handler = handler

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:
        answered = self._handler(as_simulator_request(request))
        raw = HTTPResponse(
            io.BytesIO(answered.body), status=answered.status, headers=answered.headers, preload_content=False
        )
        return HTTPAdapter().build_response(request, raw)

    def close(self) -> None:
        """There is nothing to close."""


def as_simulator_request(request: requests.PreparedRequest) -> Request:
    url = urlsplit(str(request.url))
    body = request.body or b""
    return Request(
        method=request.method or "GET",
        host=url.hostname or "",
        port=url.port or 443,
        path=unquote(url.path),
        query=dict(parse_qsl(url.query, keep_blank_values=True)),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body.encode() if isinstance(body, str) else bytes(body),
    )


def transport_over(handler: Callable[[Request], Response]) -> RequestsTransport:
    """A transport for any Azure SDK client; every https request goes to the handler."""
    session = requests.Session()
    session.mount("https://", _Adapter(handler))
    return RequestsTransport(session=session, session_owner=False)

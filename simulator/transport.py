"""The real SDKs without sockets: a transport for azure-core (and `requests`) that calls the simulator in process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import ProtocolError

from simulator.azure import Azure
from simulator.http import Request, Response, path_and_query

Around = Callable[[Request, Callable[[], Response]], Response]


def plain(request: Request, call: Callable[[], Response]) -> Response:
    """The hook that does nothing."""
    return call()


class InProcessAdapter(HTTPAdapter):
    """For `requests.Session.mount`. `around(request, call)` wraps every exchange.

    Raise before `call()` and nothing has happened; raise after it and the effect stands but the reply is lost.
    """

    def __init__(self, azure: Azure, around: Around = plain) -> None:
        super().__init__()
        self._azure = azure
        self._around = around

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        asked = to_request(request)
        response = self._around(asked, lambda: self._azure.handle(asked))
        if response.cut and response.hang_seconds:
            raise requests.exceptions.ReadTimeout("The read timed out.")
        if response.cut:
            raise requests.exceptions.ConnectionError(ProtocolError("Connection aborted: no response."))
        raw = HTTPResponse(
            BytesIO(response.body), headers=response.headers, status=response.status, preload_content=False
        )
        return self.build_response(request, raw)


class InProcessTransport(RequestsTransport):
    """Give it as `transport=` to any client of the Azure SDK. Its sleeps move the simulated clock, and do not wait."""

    def __init__(self, azure: Azure, around: Around = plain) -> None:
        super().__init__(session=in_process_session(azure, around), session_owner=False)
        self._azure = azure

    def sleep(self, duration: float) -> None:
        self._azure.clock.advance(timedelta(seconds=duration))


def in_process_session(azure: Azure, around: Around = plain) -> requests.Session:
    """A `requests` session of which every https URL leads into this simulator."""
    session = requests.Session()
    session.mount("https://", InProcessAdapter(azure, around))
    return session


def to_request(request: requests.PreparedRequest) -> Request:
    """A prepared request as the simulator takes it."""
    url = urlsplit(request.url or "")
    path, query = path_and_query(f"{url.path}?{url.query}")
    return Request(
        method=request.method or "GET",
        host=url.hostname or "localhost",
        port=url.port or 443,
        path=path,
        query=query,
        headers={name.lower(): _text(value) for name, value in request.headers.items()},
        body=_body(request),
    )


def _body(request: requests.PreparedRequest) -> bytes:
    """What the SDK sends: text or bytes at once, never a stream."""
    body = request.body or b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray):
        return bytes(body)
    raise TypeError(f"the simulator takes whole bodies, not {type(body).__name__}")


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value

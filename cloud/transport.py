"""How answers of Azure are read: none larger and none longer under way than what any sound one is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter

from cloud.settings import CloudSettings

LARGEST_BYTES = 32 * 2**20  # unpacked; a page of five thousand databases is a third of it
Parts = Callable[..., Iterator[bytes]]


class UnboundedAnswer(requests.RequestException):
    """The answer is larger, or takes longer, than any sound one; to the SDK it is one that did not come."""


class BoundedAdapter(HTTPAdapter):
    """Gives up on an answer above `largest_bytes`, or still under way after `longest_seconds`."""

    def __init__(self, *, largest_bytes: int = LARGEST_BYTES, longest_seconds: float) -> None:
        super().__init__()
        self._largest_bytes = largest_bytes
        self._longest_seconds = longest_seconds

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        resp.stream = partial(self._bounded, resp.stream)
        return super().build_response(req, resp)

    def _bounded(self, parts: Parts, *arguments: Any, **options: Any) -> Iterator[bytes]:
        left, until = self._largest_bytes, time.monotonic() + self._longest_seconds
        for part in parts(*arguments, **options):
            left -= len(part)
            if left < 0 or time.monotonic() > until:
                raise UnboundedAnswer("The answer is too large or takes too long.")
            yield part


def bounded_transport(settings: CloudSettings) -> RequestsTransport:
    """One for all clients of a process: connections are kept, answers bounded."""
    session = requests.Session()
    session.mount("https://", BoundedAdapter(longest_seconds=settings.read_seconds))
    return RequestsTransport(
        session=session,
        connection_timeout=settings.connect_seconds,
        read_timeout=settings.read_seconds,
        connection_verify=settings.ca_file or True,
    )

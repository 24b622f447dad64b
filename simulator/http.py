"""Requests and answers as plain values, so that the same handlers serve sockets and in-process callers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

VERSION = "api-version"
JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. Header names are lower case; `path` is percent-decoded; `port` is the port it arrived at."""

    method: str
    host: str
    port: int
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def base_url(self) -> str:
        """The address that the client used, without a path."""
        return f"https://{self.host}:{self.port}"


@dataclass(slots=True)
class Response:
    """One HTTP answer. `hang_seconds` and `cut` are set by faults only: answer late, or close without answering."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hang_seconds: float = 0.0
    cut: bool = False


Handler = Callable[[Request], Response]


def path_and_query(target: str) -> tuple[str, dict[str, str]]:
    """What a request line (or an address without its host) names: slashes in front count once, `Api-Version` in any case."""
    path, _, rest = target.partition("#")[0].partition("?")
    query = dict(parse_qsl(rest, keep_blank_values=True))
    if "api-version" not in query:
        query = {VERSION if name.lower() == VERSION else name: value for name, value in query.items()}
    return "/" + unquote(path).lstrip("/"), query


def answer(status: int, document: Any = None, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a JSON body, or none when `document` is None."""
    merged = dict(headers or {})
    if document is None:
        return Response(status, merged)
    merged.setdefault("content-type", JSON)
    return Response(status, merged, orjson.dumps(document))

"""Recorded exchanges with Azure as values: one file a flow, in the order in which they happened."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

ROOT = Path(__file__).parents[2]
LRO_HEADERS = ("azure-asyncoperation", "location")
CLOCK_SKEW = 2.0  # seconds by which the clocks of two front ends may differ
ENDED = frozenset({"succeeded", "failed", "canceled", "cancelled", "completed"})


def folder() -> Path:
    """Where recordings are: RECORDINGS_DIR, or beside the repository."""
    shared = os.environ.get("SHARED_DIR", ROOT.parent / "shared")
    return Path(os.environ.get("RECORDINGS_DIR") or Path(shared) / "azure" / "recordings")


@dataclass(frozen=True)
class Interaction:
    """One request with its answer. Header names are lower case; `at` is when it was answered, in epoch seconds."""

    number: int
    method: str
    host: str
    path: str
    query: dict[str, str]
    request_headers: dict[str, str]
    request_body: Any
    status: int
    headers: dict[str, str]
    body: Any
    at: float | None

    @property
    def version(self) -> str:
        return self.query.get("api-version", "")

    @property
    def poll_paths(self) -> tuple[str, ...]:
        """The paths to poll that this answer gave out, as keys."""
        if self.status not in (201, 202):
            return ()
        return tuple(path_key(self.headers[name]) for name in LRO_HEADERS if name in self.headers)

    @property
    def ends_an_operation(self) -> bool:
        """Whether this is the last poll of an operation: within one second it comes first."""
        return "asyncoperation/" in self.path.lower() and self.says_ended

    @property
    def says_ended(self) -> bool:
        """Whether this answer, of a poll, is the last word."""
        status = self.body.get("status") if isinstance(self.body, dict) else None
        if isinstance(status, str):
            return status.lower() in ENDED
        return self.status != 202


@dataclass(frozen=True)
class Flow:
    """One recorded test. `stripped` are the answer headers that its recorder never kept."""

    name: str
    area: str
    stripped: frozenset[str]
    interactions: tuple[Interaction, ...]


def flows(directory: Path) -> list[Flow]:
    """Every recording in the directory, by name; files of another form are passed over."""
    found = (_flow(file) for file in sorted(directory.glob("*.json")))
    return [flow for flow in found if flow is not None]


def _flow(file: Path) -> Flow | None:
    document = json.loads(file.read_text())
    if not isinstance(document, dict) or not isinstance(document.get("interactions"), list):
        return None
    in_file = [_interaction(number, one) for number, one in enumerate(document["interactions"])]
    name = str(document.get("flow") or file.stem)
    return Flow(name, str(document.get("area") or "unnamed"), _stripped(document), _in_time(in_file))


def _in_time(interactions: list[Interaction]) -> tuple[Interaction, ...]:
    """As they happened: some recorders group requests of one URL, and then only the dates tell the order."""
    latest = 0.0
    dated: list[tuple[float, Interaction]] = []
    for one in interactions:
        latest = one.at if one.at is not None else latest
        dated.append((latest, one))
    jumps = any(after[0] < before[0] - CLOCK_SKEW for before, after in pairwise(dated))
    ordered = sorted(dated, key=lambda pair: (pair[0], not pair[1].ends_an_operation)) if jumps else dated
    return tuple(replace(one, number=number) for number, (_, one) in enumerate(ordered))


def _stripped(document: dict[str, Any]) -> frozenset[str]:
    """azure-cli's recorder drops some headers, and the file's caveat names them."""
    caveat = str(document.get("caveat") or "")
    if "strips these response headers" not in caveat and not str(document.get("source_path", "")).endswith(".yaml"):
        return frozenset()
    return frozenset(re.findall(r"(?:x-ms-[a-z-]+|retry-after)", caveat)) | {"retry-after"}


def _interaction(number: int, one: dict[str, Any]) -> Interaction:
    query = one.get("query") or ""
    headers = _lower(one.get("response_headers"))
    return Interaction(
        number=number,
        method=str(one["method"]).upper(),
        host=str(one.get("host") or "management.azure.com"),
        path=re.sub(r"^/+", "/", str(one["path"])),
        query=dict(query) if isinstance(query, dict) else dict(parse_qsl(query, keep_blank_values=True)),
        request_headers=_lower(one.get("request_headers")),
        request_body=one.get("request_body"),
        status=int(one["status"]),
        headers=headers,
        body=one.get("response_body"),
        at=_moment(headers.get("date")),
    )


def _lower(headers: dict[str, Any] | None) -> dict[str, str]:
    pairs = (headers or {}).items()
    return {name.lower(): str(value[0] if isinstance(value, list) and value else value) for name, value in pairs}


def _moment(date: str | None) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except ValueError:
        return None


def path_key(url: str) -> str:
    """A URL's path in one spelling."""
    return urlsplit(url).path.lower().rstrip("/")

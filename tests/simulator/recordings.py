"""Recorded exchanges with Azure, replayed against the simulator and compared by status, headers, fields and types."""

from __future__ import annotations

import json
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson
import pytest

from simulator.arm.versions import FIRST_BACKUP_SECONDS
from simulator.azure import Azure
from simulator.http import Request, Response
from simulator.moments import iso
from tests.simulator.builders import PASSWORD, bearer, settle

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared")) / "azure" / "recordings"
NOBODY = "00000000-0000-0000-0000-000000000000"
STABLE_HEADERS = (
    "cache-control",
    "pragma",
    "expires",
    "retry-after",
    "server",
    "strict-transport-security",
    "x-content-type-options",
    "x-ms-failure-cause",
)
PRESENT_HEADERS = ("azure-asyncoperation", "location", "date", "x-ms-request-id", "x-ms-correlation-request-id")
NOT_ALWAYS = {"earliestRestoreDate", "currentSku", "readReplicaCount"}  # absent from young databases, or from old ones
NEWER = {"minimalTlsVersion", "type", "isCancellable", "zoneRedundant"}  # the same api-version gained them later


def flow(name: str) -> list[dict[str, Any]]:
    """The interactions of a recording; skips the test where recordings are not at hand."""
    file = FOLDER / f"{name}.json"
    if not file.exists():
        pytest.skip(f"the recordings are not here ({file})")
    return json.loads(file.read_text())["interactions"]


class Replay:
    """Sends recorded requests under our own subscription; recorded poll URLs become those that we were given."""

    def __init__(self, azure: Azure) -> None:
        self.azure = azure
        self.urls: dict[str, str] = {}
        self.ids: dict[str, str] = {}

    def send(self, interaction: dict[str, Any]) -> Response:
        over = "/operationresults/" in interaction["path"] and interaction["status"] == 200
        if over or (interaction["method"] != "GET" and "/cancel" not in interaction["path"]):
            settle(self.azure)  # a recorded client had waited before it wrote again
        url = self.urls.get(interaction["path"].lower())
        if url is None:
            query = dict(parse_qsl(interaction["query"]))
            path = unquote(interaction["path"]).replace(NOBODY, self.azure.arm.subscriptions[0])
            for recorded, ours in self.ids.items():
                path = path.replace(recorded, ours)
        else:
            split = urlsplit(url)
            path, query = unquote(split.path), dict(parse_qsl(split.query))
            self._wait_as_recorded(interaction, path)
        return self.azure.handle(self._request(interaction, path, query))

    def learn(self, interaction: dict[str, Any], response: Response) -> None:
        """Remember which of our poll URLs stands for which recorded one."""
        for header in ("azure-asyncoperation", "location"):
            recorded = interaction["response_headers"].get(header)
            if recorded and header in response.headers:
                self.urls[urlsplit(recorded).path.lower()] = response.headers[header]
                self.ids[urlsplit(recorded).path.rsplit("/", 1)[1]] = urlsplit(response.headers[header]).path.rsplit(
                    "/", 1
                )[1]

    def _wait_as_recorded(self, interaction: dict[str, Any], path: str) -> None:
        """Move the clock to the operation's end where the recording saw its end, else to the same share of its time."""
        status = (interaction.get("response_body") or {}).get("status", "Succeeded")
        operation = self.azure.arm.operations.get(path.rsplit("/", 1)[1])
        if interaction["status"] == 202 or status == "CancelInProgress" or operation is None or operation.due is None:
            return
        poll, polls = (int(word) for word in interaction.get("poll", "1 of 1").split(" of "))
        share = (poll - 1) / polls if status == "InProgress" else 1.0
        until = operation.started + (operation.due - operation.started) * share
        left = max(until - self.azure.clock.now(), 0)
        self.azure.clock.advance(timedelta(seconds=left + (0.01 if share == 1.0 else 0)))

    def _restore_point(self) -> bytes:
        """The present, once a first backup is there, in place of the recorded moment."""
        self.azure.clock.advance(timedelta(seconds=FIRST_BACKUP_SECONDS))
        return iso(self.azure.clock.now()).encode()

    def _request(self, interaction: dict[str, Any], path: str, query: dict[str, str]) -> Request:
        body = interaction.get("request_body")
        text = orjson.dumps(body) if body else b""
        text = text.replace(NOBODY.encode(), self.azure.arm.subscriptions[0].encode())
        text = text.replace(b'"SCRUBBED"', f'"{PASSWORD}"'.encode())
        if b"restorePointInTime" in text:
            text = re.sub(rb'("restorePointInTime":)"[^"]*"', rb'\1"%s"' % self._restore_point(), text)
        headers = {"authorization": f"Bearer {bearer(self.azure)}"}
        return Request(interaction["method"], "management.azure.com", 443, path, query, headers, text)


def differences(interaction: dict[str, Any], response: Response) -> list[str]:
    """What our answer lacks or has too much, compared with the recorded one."""
    if interaction["status"] != response.status:
        return [f"status {response.status} instead of {interaction['status']}: {response.body[:300]!r}"]
    recorded = interaction["response_headers"]
    found = [
        f"header {name}: {response.headers.get(name)} instead of {recorded[name]}"
        for name in STABLE_HEADERS
        if name in recorded and not _same_header(interaction, name, recorded[name], response.headers.get(name))
    ]
    found += [
        f"header {name} is missing" for name in PRESENT_HEADERS if name in recorded and name not in response.headers
    ]
    if interaction.get("response_body") is not None:
        found += compared("", interaction["response_body"], orjson.loads(response.body or b"null"))
    elif response.body:
        found.append(f"a body where there is none: {response.body[:200]!r}")
    return found


def _same_header(interaction: dict[str, Any], name: str, recorded: str, ours: str | None) -> bool:
    """Equal; a server's polls say 1, 15 or 20 seconds, and each recording has its own order of them."""
    if name == "retry-after" and "/serverAzureAsyncOperation/" in interaction["path"]:
        return ours in ("1", "15", "20")
    return recorded == ours


def compared(where: str, recorded: Any, ours: Any) -> list[str]:
    """Differences of fields and types, at any depth."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        if "__trimmed__" in recorded:
            return []
        missing = [f"{where}.{key} is missing" for key in recorded.keys() - ours.keys() - NOT_ALWAYS]
        extra = [f"{where}.{key} is not recorded" for key in ours.keys() - recorded.keys() - NOT_ALWAYS - NEWER]
        return (
            missing
            + extra
            + [
                one
                for key in recorded.keys() & ours.keys()
                for one in compared(f"{where}.{key}", recorded[key], ours[key])
            ]
        )
    if isinstance(recorded, list) and isinstance(ours, list):
        by_name = {one.get("name"): one for one in ours if isinstance(one, dict)}
        pairs = [
            (one, by_name[one["name"]]) for one in recorded if isinstance(one, dict) and one.get("name", "") in by_name
        ]
        return [one for number, pair in enumerate(pairs) for one in compared(f"{where}[{number}]", *pair)]
    same = type(recorded) is type(ours)
    return [] if same else [f"{where}: {type(ours).__name__} instead of {type(recorded).__name__}"]

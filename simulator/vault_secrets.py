"""The secrets of one vault: versions, tags, soft delete, in the shapes recorded from api-version 7.4."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Sequence
from urllib.parse import urlencode

import orjson

from simulator.clock import Clock
from simulator.http import Request, Response, answer
from simulator.store import Document, Store
from simulator.vault_bodies import (
    HEADERS,
    VaultRefusal,
    bad_parameter,
    new_version,
    packed,
    read_body,
    unpacked,
    updated_version,
)

SECRETS = "secrets"
RECOVERABLE_DAYS = 90
LARGEST_PAGE = 25
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")


class SecretCall:
    """One authenticated request to one vault.

    A secret is one document: its versions, oldest first, and the times of its deletion while it is deleted.
    """

    def __init__(self, store: Store, clock: Clock, vault: str, request: Request) -> None:
        self._store = store
        self._vault = vault
        self._request = request
        self._now = int(clock.now())
        port = "" if request.port == 443 else f":{request.port}"
        self._base = f"https://{request.host}{port}"

    def set(self, name: str) -> Response:
        """A new version, always: repeating it makes another one."""
        key, kept = self._find(name)
        if kept and kept["deleted"]:
            raise _still_deleted(name)
        version = new_version(read_body(self._request.body), version=uuid.uuid4().hex, now=self._now)
        versions = [*(kept["versions"] if kept else []), version]
        shown = kept["name"] if kept else name
        self._store.put(SECRETS, key, {"name": shown, "versions": versions, "deleted": None})
        return answer(200, self._bundle(shown, version, with_value=True), HEADERS)

    def get(self, name: str, version: str | None = None) -> Response:
        kept = self._live(name)
        found = _pick(kept, version)
        if not found["attributes"]["enabled"]:
            raise VaultRefusal(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")
        return answer(200, self._bundle(kept["name"], found, with_value=True), HEADERS)

    def update(self, name: str, version: str | None = None) -> Response:
        kept = self._live(name)
        old = _pick(kept, version)
        new = updated_version(old, read_body(self._request.body), now=self._now)
        versions = [new if one is old else one for one in kept["versions"]]
        self._store.put(SECRETS, self._key(name), {**kept, "versions": versions})
        return answer(200, self._bundle(kept["name"], new), HEADERS)

    def delete(self, name: str) -> Response:
        kept = self._live(name)
        times = {"deletedDate": self._now, "scheduledPurgeDate": self._now + RECOVERABLE_DAYS * 86_400}
        deleted = {**kept, "deleted": times}
        self._store.put(SECRETS, self._key(name), deleted)
        return answer(200, self._deleted_bundle(deleted), HEADERS)

    def get_deleted(self, name: str) -> Response:
        return answer(200, self._deleted_bundle(self._dead(name)), HEADERS)

    def purge(self, name: str) -> Response:
        self._dead(name)
        self._store.delete(SECRETS, self._key(name))
        return answer(204, None, HEADERS)

    def recover(self, name: str) -> Response:
        kept = {**self._dead(name), "deleted": None}
        self._store.put(SECRETS, self._key(name), kept)
        return answer(200, self._bundle(kept["name"], kept["versions"][-1]), HEADERS)

    def backup(self, name: str) -> Response:
        return answer(200, {"value": packed(self._live(name))}, HEADERS)

    def restore(self) -> Response:
        kept = unpacked(read_body(self._request.body).get("value", ""))
        key, present = self._find(kept["name"])
        if present:
            raise VaultRefusal(409, "Conflict", f"A secret with name {kept['name']} already exists.")
        self._store.put(SECRETS, key, kept)
        return answer(200, self._bundle(kept["name"], kept["versions"][-1]), HEADERS)

    def list_secrets(self) -> Response:
        rows = [kept for kept in self._all() if not kept["deleted"]]
        return self._page(rows, lambda kept: self._bundle(kept["name"], kept["versions"][-1], versioned=False))

    def list_deleted(self) -> Response:
        rows = [kept for kept in self._all() if kept["deleted"]]
        return self._page(rows, lambda kept: self._deleted_bundle(kept, versioned=False))

    def list_versions(self, name: str) -> Response:
        kept = self._live(name)
        return self._page(kept["versions"], lambda version: self._bundle(kept["name"], version))

    def _page(self, rows: Sequence[Document], show: Callable[[Document], Document]) -> Response:
        size, start = self._page_size(), self._start()
        next_link = None
        if start + size < len(rows):
            token = base64.urlsafe_b64encode(orjson.dumps({"NextMarker": start + size, "TargetLocation": 0})).decode()
            query = {"api-version": self._request.query["api-version"], "$skiptoken": token, "maxresults": size}
            next_link = f"{self._base}{self._request.path}?{urlencode(query, safe='$')}"
        shown = [show(row) for row in rows[start : start + size]]
        return answer(200, {"value": shown, "nextLink": next_link}, HEADERS)

    def _page_size(self) -> int:
        asked = self._request.query.get("maxresults", str(LARGEST_PAGE))
        if not asked.isdecimal() or not 1 <= int(asked) <= LARGEST_PAGE:
            raise bad_parameter(f"maxresults must be between 1 and {LARGEST_PAGE}.")
        return int(asked)

    def _start(self) -> int:
        token = self._request.query.get("$skiptoken")
        if not token:
            return 0
        try:
            return int(orjson.loads(base64.urlsafe_b64decode(token))["NextMarker"])
        except (ValueError, KeyError, TypeError) as error:
            raise bad_parameter("The skiptoken is not valid.") from error

    def _bundle(self, name: str, version: Document, *, with_value: bool = False, versioned: bool = True) -> Document:
        path = f"{self._base}/secrets/{name}"
        shown: Document = {"value": version["value"]} if with_value else {}
        if version.get("contentType"):
            shown["contentType"] = version["contentType"]
        shown["id"] = f"{path}/{version['version']}" if versioned else path
        recovery = {"recoveryLevel": "Recoverable+Purgeable", "recoverableDays": RECOVERABLE_DAYS}
        shown["attributes"] = {**version["attributes"], **recovery}
        return {**shown, "tags": version["tags"]} if version.get("tags") is not None else shown

    def _deleted_bundle(self, kept: Document, *, versioned: bool = True) -> Document:
        recovery = {"recoveryId": f"{self._base}/deletedsecrets/{kept['name']}", **kept["deleted"]}
        return {**recovery, **self._bundle(kept["name"], kept["versions"][-1], versioned=versioned)}

    def _key(self, name: str) -> str:
        return f"{self._vault}/{name.lower()}"

    def _all(self) -> list[Document]:
        found = [(key, self._unexpired(key, kept)) for key, kept in self._store.items(SECRETS, f"{self._vault}/")]
        return [kept for _, kept in sorted(found) if kept]

    def _find(self, name: str) -> tuple[str, Document | None]:
        if not _NAME.fullmatch(name):
            raise bad_parameter(f"The request URI contains an invalid name: {name}")
        key = self._key(name)
        return key, self._unexpired(key, self._store.get(SECRETS, key))

    def _unexpired(self, key: str, kept: Document | None) -> Document | None:
        """A deleted secret is purged once its retention has passed."""
        if kept and kept["deleted"] and kept["deleted"]["scheduledPurgeDate"] <= self._now:
            self._store.delete(SECRETS, key)
            return None
        return kept

    def _live(self, name: str) -> Document:
        _, kept = self._find(name)
        if kept is None or kept["deleted"]:
            raise _not_found(name)
        return kept

    def _dead(self, name: str) -> Document:
        _, kept = self._find(name)
        if kept is None or not kept["deleted"]:
            raise VaultRefusal(404, "SecretNotFound", f"Deleted Secret not found: {name}")
        return kept


def _pick(kept: Document, version: str | None) -> Document:
    versions: list[Document] = kept["versions"]
    found = versions[-1] if version is None else next((one for one in versions if one["version"] == version), None)
    if found is None:
        raise _not_found(f"{kept['name']}/{version}")
    return found


def _not_found(name: str) -> VaultRefusal:
    text = (
        f"A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret "
        "you may be able to recover it using the correct recovery command."
    )
    return VaultRefusal(404, "SecretNotFound", text)


def _still_deleted(name: str) -> VaultRefusal:
    text = (
        f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; "
        "in this state, the secret can only be recovered or purged."
    )
    return VaultRefusal(409, "Conflict", text, "ObjectIsDeletedButRecoverable")

"""The secrets of one vault: versions, tags, soft delete, in the shapes recorded from api-version 7.4."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson

from simulator.clock import Clock
from simulator.http import Request, Response, answer
from simulator.store import Document, Store

SECRETS = "secrets"
RECOVERABLE_DAYS = 90
LARGEST_PAGE = 25
LARGEST_VALUE_BYTES = 25_000
MOST_TAGS = 15
HEADERS = {
    "cache-control": "no-cache",
    "pragma": "no-cache",
    "expires": "-1",
    "strict-transport-security": "max-age=31536000;includeSubDomains",
    "x-content-type-options": "nosniff",
    "x-ms-keyvault-region": "eastus",
    "x-ms-keyvault-service-version": "1.9.908.1",
}
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")


class VaultRefusal(Exception):
    """A refusal in Key Vault's own shape; `inner` is the code of its innererror."""

    def __init__(self, status: int, code: str, message: str, inner: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.inner = status, code, message, inner

    def response(self) -> Response:
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.inner:
            error["innererror"] = {"code": self.inner}
        return answer(self.status, {"error": error}, HEADERS)


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
        body = self._body()
        version = _checked_version(body, version=uuid.uuid4().hex, now=self._now)
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
        body = self._body()
        wanted = {
            word: value for word, value in body.get("attributes", {}).items() if word in ("enabled", "nbf", "exp")
        }
        new = {**old, "attributes": {**old["attributes"], **wanted, "updated": self._now}}
        new |= {word: body[word] for word in ("tags", "contentType") if body.get(word) is not None}
        _check_tags(new.get("tags") or {})
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
        """All versions as one opaque text (the real one is encrypted; this one is only packed)."""
        packed = base64.urlsafe_b64encode(orjson.dumps(self._live(name))).decode()
        return answer(200, {"value": packed}, HEADERS)

    def restore(self) -> Response:
        try:
            kept = orjson.loads(base64.urlsafe_b64decode(self._body()["value"]))
        except (KeyError, TypeError, ValueError) as error:
            raise VaultRefusal(400, "BadParameter", "Backup blob is not valid.") from error
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
            raise VaultRefusal(400, "BadParameter", f"maxresults must be between 1 and {LARGEST_PAGE}.")
        return int(asked)

    def _start(self) -> int:
        token = self._request.query.get("$skiptoken")
        if not token:
            return 0
        try:
            return int(orjson.loads(base64.urlsafe_b64decode(token))["NextMarker"])
        except (ValueError, KeyError, TypeError) as error:
            raise VaultRefusal(400, "BadParameter", "The skiptoken is not valid.") from error

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
            raise VaultRefusal(400, "BadParameter", f"The request URI contains an invalid name: {name}")
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

    def _body(self) -> Document:
        try:
            body = orjson.loads(self._request.body)
        except orjson.JSONDecodeError as error:
            raise VaultRefusal(400, "BadParameter", "The request body is not valid JSON.") from error
        if not isinstance(body, dict):
            raise VaultRefusal(400, "BadParameter", "The request body must be an object.")
        return body


def _checked_version(body: Document, *, version: str, now: int) -> Document:
    value, attributes = body.get("value"), body.get("attributes") or {}
    if not isinstance(value, str):
        raise VaultRefusal(400, "BadParameter", "Property value is required.")
    if len(value.encode()) > LARGEST_VALUE_BYTES:
        raise VaultRefusal(400, "BadParameter", f"Property value must not exceed {LARGEST_VALUE_BYTES} bytes.")
    _check_tags(body.get("tags") or {})
    dates = {word: attributes[word] for word in ("nbf", "exp") if attributes.get(word) is not None}
    life = {"enabled": attributes.get("enabled", True), **dates, "created": now, "updated": now}
    return {
        "version": version,
        "value": value,
        "contentType": body.get("contentType"),
        "attributes": life,
        "tags": body.get("tags"),
    }


def _check_tags(tags: Document) -> None:
    if len(tags) > MOST_TAGS:
        raise VaultRefusal(400, "BadParameter", f"No more than {MOST_TAGS} tags are allowed.")
    if any(not isinstance(text, str) or len(text) > 256 for text in tags.values()):
        raise VaultRefusal(400, "BadParameter", "A tag value is a text of at most 256 characters.")


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

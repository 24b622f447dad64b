"""What clients send to a vault, checked field by field before anything is kept."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from simulator.http import Response, answer
from simulator.store import Document

LARGEST_VALUE_BYTES = 25_000
MOST_TAGS = 15
LONGEST_TAG = 256
HEADERS = {
    "cache-control": "no-cache",
    "pragma": "no-cache",
    "expires": "-1",
    "strict-transport-security": "max-age=31536000;includeSubDomains",
    "x-content-type-options": "nosniff",
    "x-ms-keyvault-service-version": "1.9.908.1",
}
_FIELDS: dict[str, type] = {"value": str, "contentType": str, "tags": dict, "attributes": dict}
_ATTRIBUTES: dict[str, type] = {"enabled": bool, "nbf": int, "exp": int}


class VaultRefusal(Exception):
    """A refusal in Key Vault's own shape; `inner` is the code of its innererror."""

    def __init__(
        self, status: int, code: str, message: str, inner: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.inner = status, code, message, inner
        self.retry_after = retry_after

    def response(self) -> Response:
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.inner:
            error["innererror"] = {"code": self.inner}
        waiting = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        return answer(self.status, {"error": error}, {**HEADERS, **waiting})


def bad_parameter(message: str) -> VaultRefusal:
    return VaultRefusal(400, "BadParameter", message)


def read_document(raw: bytes) -> Document:
    """The JSON object that was sent."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise bad_parameter("The request body is not valid JSON.") from error
    if not isinstance(body, dict):
        raise bad_parameter("The request body must be an object.")
    return body


def read_body(raw: bytes, fields: Mapping[str, type] = _FIELDS) -> Document:
    """The known fields that are there, each of its type, `attributes` always; null counts as left out."""
    known = _typed(read_document(raw), fields)
    known["attributes"] = _typed(known.get("attributes", {}), _ATTRIBUTES)
    _check_limits(known)
    return known


def new_version(body: Document, *, version: str, now: int) -> Document:
    if "value" not in body:
        raise bad_parameter("Property value is required.")
    life = {"enabled": True, **body["attributes"], "created": now, "updated": now}
    shown: Document = {word: body.get(word) for word in ("value", "contentType", "tags")}
    return {"version": version, **shown, "attributes": life}


def updated_version(old: Document, body: Document, *, now: int) -> Document:
    """All but the value may change; tags are replaced as a whole."""
    changes: Document = {word: body[word] for word in ("tags", "contentType") if word in body}
    return {**old, **changes, "attributes": {**old["attributes"], **body["attributes"], "updated": now}}


def packed(kept: Document) -> str:
    """A secret with all its versions as one text (the real one is encrypted)."""
    content = orjson.dumps(kept)
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest() + content).decode().rstrip("=")


def unpacked(text: str) -> Document:
    """The same again; raises VaultRefusal for a text that was not packed here."""
    try:
        whole = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise bad_parameter("Backup blob is not valid.") from error
    if hashlib.sha256(whole[32:]).digest() != whole[:32]:
        raise bad_parameter("Backup blob is not valid.")
    kept: Document = orjson.loads(whole[32:])
    return kept


def _typed(document: Document, types: Mapping[str, type]) -> Document:
    given = {name: document[name] for name in types if document.get(name) is not None}
    for name, value in given.items():
        if type(value) is not types[name]:
            raise bad_parameter(f"Property {name} has an invalid value.")
    return given


def _check_limits(body: Document) -> None:
    if len(body.get("value", "").encode()) > LARGEST_VALUE_BYTES:
        raise bad_parameter(f"Property value must not exceed {LARGEST_VALUE_BYTES} bytes.")
    tags = body.get("tags", {})
    if len(tags) > MOST_TAGS:
        raise bad_parameter(f"No more than {MOST_TAGS} tags are allowed.")
    if any(not isinstance(text, str) or len(text) > LONGEST_TAG for text in tags.values()):
        raise bad_parameter(f"A tag value is a text of at most {LONGEST_TAG} characters.")

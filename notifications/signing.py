"""Signatures as Standard Webhooks asks for them (v1: HMAC-SHA256 over id, timestamp and body), by every key that counts."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from functools import lru_cache
from secrets import token_bytes

from cloud import factory
from cloud.errors import CloudError
from cloud.protocols import CallClass
from cloud.secrets import Secret
from notifications.models import Receiver
from operations import audit

PREFIX = "whsec_"
KEY_BYTES = 32
KEPT_KEYS = 2000


class SecretNotThere(Exception):
    """The vault does not give the signing secret; the receiver is not to blame."""


def new_signing_secret() -> Secret:
    """A fresh one, in the form that libraries for Standard Webhooks take."""
    return Secret(PREFIX + base64.b64encode(token_bytes(KEY_BYTES)).decode())


def headers(message_id: str, body: bytes, keys: Iterable[Secret], *, at: int) -> dict[str, str]:
    """`at` is the moment of sending, in seconds since 1970. Several keys: any of them verifies."""
    signed = f"{message_id}.{at}.".encode() + body
    signatures = " ".join(f"v1,{_signature(key, signed)}" for key in keys)
    return {"webhook-id": message_id, "webhook-timestamp": str(at), "webhook-signature": signatures}


def keys_of(receiver: Receiver) -> list[Secret]:
    """The newest first; while both count, the one before too. Raises SecretNotThere."""
    versions = [version for version in (receiver.signing_version, receiver.previous_version) if version]
    if not versions:
        raise SecretNotThere("It has no signing secret yet.")
    name = receiver.workspace.name if receiver.workspace else ""
    return [_key(receiver.secret_name, version, name) for version in versions]


@lru_cache(maxsize=KEPT_KEYS)
def _key(name: str, version: str, workspace: str) -> Secret:
    """Read once a process: a version never changes. Every read is audited."""
    try:
        found = factory.secret_store(call_class=CallClass.USER).get(name, version)
    except CloudError as error:
        raise SecretNotThere(f"The vault does not give it: {error.code}.") from error
    if found is None:
        raise SecretNotThere("The vault has no such version.")
    target = f"secret:{name}/{version}"
    audit.record("secret.read", actor="system:notifications", target=target, workspace=workspace)
    return found[0]


def forget_keys() -> None:
    """Read them anew; for tests whose vault is another each time."""
    _key.cache_clear()


def _signature(key: Secret, signed: bytes) -> str:
    raw = base64.b64decode(key.reveal().removeprefix(PREFIX))
    return base64.b64encode(hmac.new(raw, signed, hashlib.sha256).digest()).decode()

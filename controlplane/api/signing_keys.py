"""Public keys of the directories whose tokens we take: fetched once, kept for an hour, read again when a key is new."""

from __future__ import annotations

import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import jwt
import structlog

log = structlog.get_logger(__name__)

Fetch = Callable[[str], Any]  # an https URL → its JSON document; raises OSError or ValueError
FRESH_SECONDS = 3600.0  # keys are read again after it; Entra rolls them over without notice
STALE_SECONDS = 86_400.0  # for so long they serve while the directory does not answer
RELOAD_GAP_SECONDS = 10.0  # made-up key ids cause at most one reading in so many seconds
FETCH_SECONDS = 5.0
LONGEST_SECONDS = 15.0  # for the whole of an answer; the former for each part of it
LARGEST_DOCUMENT_BYTES = 1_048_576
PART_BYTES = 65_536


class UnknownKey(Exception):
    """The directory publishes no key of this id."""


class DirectoryUnavailable(Exception):
    """The directory does not answer and no keys of it are known."""


@dataclass(frozen=True, slots=True)
class Published:
    """What one directory publishes: the issuer of its tokens, and keys by their id."""

    issuer: str
    keys: Mapping[str, jwt.PyJWK]
    read_at: float


class SigningKeys:
    """Keys of every directory below one authority. `now` counts seconds and never goes back."""

    def __init__(self, authority: str, *, fetch: Fetch, now: Callable[[], float] = time.monotonic) -> None:
        self._authority = authority.rstrip("/")
        self._fetch = fetch
        self._now = now
        self._lock = threading.Lock()
        self._known: dict[str, Published] = {}
        self._tried_at: dict[str, float] = {}

    def find(self, tenant: str, key_id: str) -> tuple[str, jwt.PyJWK]:
        """Issuer and key of that id. Raises UnknownKey, DirectoryUnavailable."""
        with self._lock:
            known = self._usable(tenant)
            if known is None or key_id not in known.keys:
                known = self._read_again(tenant) or known
        if known is None:
            raise DirectoryUnavailable(f"No signing keys of {tenant} are known.")
        if key_id not in known.keys:
            raise UnknownKey(key_id)
        return known.issuer, known.keys[key_id]

    def _usable(self, tenant: str) -> Published | None:
        """What is known and not too old; refreshed where it is due."""
        known = self._known.get(tenant)
        if known is not None and self._now() - known.read_at > FRESH_SECONDS:
            known = self._read_again(tenant) or known
        if known is not None and self._now() - known.read_at > STALE_SECONDS:
            return None
        return known

    def _read_again(self, tenant: str) -> Published | None:
        """A fresh reading, or None where it failed or the last try is too recent."""
        tried_at = self._tried_at.get(tenant)
        if tried_at is not None and self._now() - tried_at < RELOAD_GAP_SECONDS:
            return None
        self._tried_at[tenant] = self._now()
        try:
            self._known[tenant] = self._read(tenant)
        except (OSError, ValueError, KeyError, TypeError, jwt.PyJWTError):
            log.warning("sign_in.keys_not_read", tenant=tenant, exc_info=True)
            return None
        return self._known[tenant]

    def _read(self, tenant: str) -> Published:
        metadata = self._fetch(f"{self._authority}/{tenant}/v2.0/.well-known/openid-configuration")
        address = urlsplit(str(metadata["jwks_uri"]))
        if address.scheme != "https" or address.netloc != urlsplit(self._authority).netloc:
            raise ValueError("The directory names keys at another host.")
        published = jwt.PyJWKSet.from_dict(self._fetch(address.geturl()))
        keys = {key.key_id: key for key in published.keys if key.key_id and key.key_type == "RSA"}
        return Published(str(metadata["issuer"]), keys, self._now())


class Stream(Protocol):
    """Gives what has come so far, up to so many bytes; nothing at the end."""

    def read1(self, n: int, /) -> bytes: ...


def read_bounded(stream: Stream, *, now: Callable[[], float] = time.monotonic) -> bytes:
    """The whole answer. Raises ValueError where it is larger or takes longer than any sound one."""
    read, until = b"", now() + LONGEST_SECONDS
    while part := stream.read1(PART_BYTES):
        read += part
        if len(read) > LARGEST_DOCUMENT_BYTES or now() > until:
            raise ValueError("The directory's answer is too large or takes too long.")
    return read


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


def fetch_over_https(ca_file: str) -> Fetch:
    """A fetch that trusts the CA in that PEM file (empty: the system's), follows no redirect and reads no large answer."""
    context = ssl.create_default_context(cafile=ca_file or None)
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _NoRedirects)

    def fetch(url: str) -> Any:
        if urlsplit(url).scheme != "https":
            raise ValueError("Only https addresses are fetched.")
        with opener.open(url, timeout=FETCH_SECONDS) as answer:
            return json.loads(read_bounded(answer))

    return fetch

"""How a service should hold its database credential: read rarely, shared by all threads, read again when it is refused.

Copy it; it needs the standard library alone. `docs/consuming-credentials.md` says why each line is there.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

Document = Mapping[str, str]
Connection = TypeVar("Connection")
CACHE_SECONDS = 300.0  # together with the lifetime of pooled connections: far below the overlap of two credentials


class CachedCredential:
    """The newest version of the secret, at most `seconds` old. `read` fetches and parses it from Key Vault."""

    def __init__(
        self,
        read: Callable[[], Document],
        *,
        seconds: float = CACHE_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._seconds, self._now = read, seconds, now
        self._lock = threading.Lock()
        self._document: Document | None = None
        self._read_at = 0.0

    def current(self) -> Document:
        """What to sign in with now. While the vault does not answer, what was read last is good for the whole overlap."""
        with self._lock:
            if self._document is None:
                self._fetch()
            elif self._now() - self._read_at > self._seconds:
                with contextlib.suppress(OSError):
                    self._fetch()
            assert self._document is not None
            return self._document

    def refused(self, used: Document) -> Document:
        """What to sign in with after the database refused `used`: read again, once for all threads that come with it."""
        with self._lock:
            if self._document is None or self._document["password"] == used["password"]:
                self._fetch()
            assert self._document is not None
            return self._document

    def _fetch(self) -> None:
        self._document, self._read_at = self._read(), self._now()


def connect(
    credential: CachedCredential, open_connection: Callable[[Document], Connection], *, refusal: type[Exception]
) -> Connection:
    """Open a connection; refused (error 18456), try exactly once more with the newest version. Never in a loop: a login
    storm costs everybody on the database."""
    document = credential.current()
    try:
        return open_connection(document)
    except refusal:
        return open_connection(credential.refused(document))

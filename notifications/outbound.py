"""One POST to an address of a customer: to the address that was looked at, bounded in time and size, no redirects."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

from django.conf import settings

from notifications.addresses import Address

MOST_BYTES = 64 * 1024  # of an answer; more is not read
KEPT = 200  # characters of it that may help to find a mistake
CONNECT_SECONDS = 5.0
LONGEST_PAUSE = 86_400.0


class NotReached(Exception):
    """Nothing, or nothing in time, came back; the receiver as a whole is in trouble."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver said. `retry_after` in seconds, where it asked for a pause."""

    status: int
    excerpt: str
    retry_after: float | None = None


def post(address: Address, ip: str, body: bytes, headers: Mapping[str, str], *, seconds: float) -> Answer:
    """Send `body` to `ip` as to `address.host`, whose certificate must fit. Ends within `seconds`. Raises NotReached."""
    ends = time.monotonic() + seconds
    try:
        raw = socket.create_connection((ip, address.port), timeout=min(CONNECT_SECONDS, seconds))
        with raw, _context().wrap_socket(raw, server_hostname=address.host) as sock:
            return _exchange(_Bounded(sock, ends), address, body, headers)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotReached(_why(error)) from error


def _exchange(sock: _Bounded, address: Address, body: bytes, headers: Mapping[str, str]) -> Answer:
    connection = http.client.HTTPConnection(address.host, address.port)
    connection.sock = sock  # all that it asks of a socket
    host = address.host if address.port == 443 else f"{address.host}:{address.port}"
    connection.request("POST", address.path, body, {**headers, "Host": host, "Connection": "close"})
    answer = connection.getresponse()
    text = answer.read(MOST_BYTES).decode("utf-8", "replace")
    return Answer(answer.status, _printable(text), _seconds(answer.headers.get("Retry-After")))


class _Bounded:
    """A socket of which everything together ends in time, however slowly the other side drips."""

    def __init__(self, sock: ssl.SSLSocket, ends: float) -> None:
        self._sock, self._ends = sock, ends

    def sendall(self, data: bytes) -> None:
        self.in_time().sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self))

    def close(self) -> None:
        """The connection belongs to `post`, which closes it."""

    def in_time(self) -> ssl.SSLSocket:
        """The socket, which waits no longer than what is left. Raises TimeoutError."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("It took too long.")
        self._sock.settimeout(left)
        return self._sock


class _Incoming(io.RawIOBase):
    def __init__(self, source: _Bounded) -> None:
        super().__init__()
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        return self._source.in_time().recv_into(buffer)


@lru_cache(maxsize=1)
def _context() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.NOTIFY_CA_FILE or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def forget_authorities() -> None:
    """Read them anew at the next call."""
    _context.cache_clear()


def _why(error: Exception) -> str:
    """In few words; nothing of what stood in an answer."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate does not hold: {error.verify_message}."
    if isinstance(error, TimeoutError):
        return "It did not answer in time."
    if isinstance(error, ConnectionError):
        return "The connection was refused or cut."
    return f"It could not be reached ({type(error).__name__})."


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text[:KEPT]).strip()


def _seconds(text: str | None) -> float | None:
    """From now; a moment, too (RFC 9110, 10.2.3). At most a day."""
    if not text or not text.isascii():
        return None
    if text.isdigit():
        return min(float(text[:10]), LONGEST_PAUSE)
    try:
        left = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(left, 0.0), LONGEST_PAUSE) or None

"""Named places at which a test may end the process, delay it, or let another worker run first. Nothing is armed by default."""

from __future__ import annotations

from collections.abc import Callable

Listener = Callable[[str], None]
_listener: Listener | None = None


class Crash(BaseException):
    """The process dies here, as seen by the code: no handler for errors may catch it."""


def hit(name: str) -> None:
    """Pass the failpoint `name`."""
    if _listener is not None:
        _listener(name)


def listen(listener: Listener | None) -> None:
    """Arm (or with None disarm) all failpoints of this process."""
    global _listener
    _listener = listener

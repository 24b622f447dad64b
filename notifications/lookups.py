"""Names of customers' receivers are looked up beside each other: the system's resolver cannot be told to hurry, so each name
that is asked for has a thread of its own, and one that is never answered keeps none from another."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooSlow
from threading import Lock, Thread

MOST_AT_ONCE = 200
"""Names that are being looked up in this process; a few dozen where every receiver's name is dead (four workers, five seconds
each, up to a minute until the system's resolver gives up)."""

Place = tuple[str, int]
_under_way: dict[Place, Future[list[str]]] = {}
_lock = Lock()


def resolve(host: str, port: int, *, seconds: float = 5.0) -> Sequence[str]:
    """The addresses of a name. Whoever asks for one that is being looked up waits for the same answer. Raises OSError, also
    when it takes too long."""
    try:
        return _asked((host, port)).result(seconds)
    except TooSlow as error:
        raise OSError("The name did not resolve in time.") from error
    except UnicodeError as error:
        raise OSError("The name cannot be asked for.") from error


def _asked(place: Place) -> Future[list[str]]:
    """The lookup of this name that is under way, or a new one. Raises OSError where too many are."""
    with _lock:
        found = _under_way.get(place)
        if found is not None:
            return found
        if len(_under_way) >= MOST_AT_ONCE:
            raise OSError("Too many names are being looked up.")
        answer: Future[list[str]] = Future()
        Thread(target=_look_up, args=(place, answer), name="resolve", daemon=True).start()
        _under_way[place] = answer
    return answer


def _look_up(place: Place, answer: Future[list[str]]) -> None:
    """Whoever asks once this has ended is given no answer of before."""
    refused: Exception | None = None
    try:
        found = socket.getaddrinfo(*place, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        refused = error
    finally:
        with _lock:
            _under_way.pop(place, None)
    if refused is None:
        answer.set_result(list(dict.fromkeys(str(one[4][0]) for one in found)))
    else:
        answer.set_exception(refused)

"""A name that is never answered keeps nobody from another."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from notifications import lookups

GOOD = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))] * 2


class Names:
    """A resolver that answers, but for names that are dead until they are let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.let_go = Event()

    def getaddrinfo(self, host: str, port: int, **options: Any) -> Any:
        self.asked.append(host)
        if "dead" in host:
            self.let_go.wait(30)
            raise OSError("There is no such name.")
        return GOOD


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    found = Names()
    monkeypatch.setattr(socket, "getaddrinfo", found.getaddrinfo)
    monkeypatch.setattr(lookups, "_under_way", {})  # another test's names may still end
    yield found
    found.let_go.set()


def test_names_that_are_never_answered_hold_up_no_other(names: Names) -> None:
    for number in range(30):
        with pytest.raises(OSError, match="in time"):
            lookups.resolve(f"dead{number}.example.com", 443, seconds=0.01)
    assert lookups.resolve("good.example.com", 443, seconds=5.0) == ["93.184.216.34"]


def test_a_name_that_is_being_looked_up_is_not_asked_for_again(names: Names) -> None:
    for _ in range(20):
        with pytest.raises(OSError, match="in time"):
            lookups.resolve("dead.example.com", 443, seconds=0.01)
    assert names.asked == ["dead.example.com"]


def test_a_name_that_was_answered_is_asked_for_anew(names: Names) -> None:
    for _ in range(2):
        lookups.resolve("good.example.com", 443)
    assert names.asked == ["good.example.com"] * 2


def test_what_is_under_way_is_bounded(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "MOST_AT_ONCE", 1)
    with pytest.raises(OSError, match="in time"):
        lookups.resolve("dead.example.com", 443, seconds=0.01)
    with pytest.raises(OSError, match="Too many"):
        lookups.resolve("good.example.com", 443)


def test_a_name_that_cannot_be_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **options: Any) -> Any:
        raise UnicodeError("label too long")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(OSError, match="cannot be asked for"):
        lookups.resolve("odd.example.com", 443)

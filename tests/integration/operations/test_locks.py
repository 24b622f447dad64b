"""Shared and exclusive locks: oldest first, one holder of an exclusive one, no circles of waiting."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from django.db import connection, transaction

from operations import locks
from operations.locks import Lock, Mode
from operations.models import Operation, ResourceLock

from .conftest import World
from .toys import a_toy

SHARED, EXCLUSIVE = Mode.SHARED, Mode.EXCLUSIVE


def asked(operation: Operation, mode: Mode, *keys: str) -> bool:
    with transaction.atomic():
        return locks.request(operation, [Lock(key, mode, "test") for key in keys])


def given_back(operation: Operation) -> None:
    with transaction.atomic():
        locks.release(operation)


def test_shared_locks_are_held_together(world: World):
    assert asked(a_toy("a"), SHARED, "pool:1")
    assert asked(a_toy("b"), SHARED, "pool:1")


def test_an_exclusive_lock_waits_for_all_who_came_before(world: World):
    first, second, resize = a_toy("a"), a_toy("b"), a_toy("c")
    asked(first, SHARED, "pool:1")
    asked(second, SHARED, "pool:1")
    assert not asked(resize, EXCLUSIVE, "pool:1")
    given_back(first)
    assert not asked(resize, EXCLUSIVE, "pool:1")
    given_back(second)
    assert asked(resize, EXCLUSIVE, "pool:1")


def test_a_waiting_exclusive_lock_is_not_starved_by_younger_shared_ones(world: World):
    holder, resize, late = a_toy("a"), a_toy("b"), a_toy("c")
    asked(holder, SHARED, "pool:1")
    asked(resize, EXCLUSIVE, "pool:1")
    assert not asked(late, SHARED, "pool:1")
    given_back(holder)
    assert asked(resize, EXCLUSIVE, "pool:1")
    assert not asked(late, SHARED, "pool:1")
    given_back(resize)
    assert asked(late, SHARED, "pool:1")


def test_asking_again_keeps_the_place_in_line(world: World):
    holder, waiting = a_toy("a"), a_toy("b")
    asked(holder, EXCLUSIVE, "pool:1")
    for _ in range(3):
        assert not asked(waiting, SHARED, "pool:1")
    assert ResourceLock.objects.filter(operation=waiting).count() == 1


def test_two_keys_asked_in_either_order_cannot_lock_each_other_out(world: World):
    operations = [a_toy(f"thing:{n}") for n in range(40)]

    def ask(numbered: tuple[int, Operation]) -> bool:
        number, operation = numbered
        keys = ("pool:1", "server:1") if number % 2 else ("server:1", "pool:1")
        try:
            return asked(operation, EXCLUSIVE if number % 3 == 0 else SHARED, *keys)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, enumerate(operations)))
    for _ in operations:
        heads = [o for o in operations if o.locks.exists() and not o.locks.filter(granted_at=None).exists()]
        assert heads or not ResourceLock.objects.exists(), "somebody always holds all that it asked for"
        for operation in heads:
            given_back(operation)
    assert not ResourceLock.objects.exists()

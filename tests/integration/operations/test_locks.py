"""Shared and exclusive locks: oldest first, one holder of an exclusive one, no circles of waiting."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction

from operations import clock, locks
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


def test_who_waits_alone_for_too_long_lets_those_behind_pass_and_stands_in_line_anew(world: World):
    holder, resize, late, later = a_toy("a"), a_toy("b"), a_toy("c"), a_toy("d")
    asked(holder, SHARED, "pool:1")
    assert not asked(resize, EXCLUSIVE, "pool:1", "server:1")
    assert not asked(late, SHARED, "pool:1", "server:1")
    clock.advance(timedelta(seconds=settings.LOCK_PATIENCE_SECONDS + 1))
    assert not asked(resize, EXCLUSIVE, "pool:1", "server:1")
    assert asked(late, SHARED, "pool:1", "server:1")
    assert not asked(later, SHARED, "pool:1"), "it is not starved"
    given_back(holder)
    given_back(late)
    assert asked(resize, EXCLUSIVE, "pool:1", "server:1")


def test_who_waits_alone_wakes_those_whom_it_lets_pass(world: World):
    holder, resize, late = a_toy("a"), a_toy("b"), a_toy("c")
    asked(holder, SHARED, "pool:1")
    asked(resize, EXCLUSIVE, "pool:1")
    asked(late, SHARED, "pool:1")
    far = clock.database_now() + timedelta(days=1)
    Operation.objects.filter(pk=late.pk).update(waits_on=locks.lock_key("pool:1"), due_at=far)
    clock.advance(timedelta(seconds=settings.LOCK_PATIENCE_SECONDS + 1))
    asked(resize, EXCLUSIVE, "pool:1")
    late.refresh_from_db()
    assert late.due_at <= clock.database_now()


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

"""Who ends an operation and who observes wake the same rows; neither may lock the other out."""

from __future__ import annotations

import threading
import time

from django.db import connection, transaction

from operations import clock
from operations.models import Operation
from operations.outcomes import Wait
from operations.waking import wake

from .conftest import World
from .toys import a_toy, run_until_quiet

PATIENCE_SECONDS = 10.0


def two_that_wait(world: World) -> tuple[Operation, Operation]:
    world.on_look = lambda _: Wait(3600, on="pool:1")
    older, newer = a_toy("thing:1"), a_toy("thing:2")
    run_until_quiet()
    return older, newer


def in_thread(work) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0


def test_a_row_that_is_held_by_who_wakes_does_not_close_a_circle(world: World):
    older, newer = two_that_wait(world)
    with transaction.atomic():
        Operation.objects.select_for_update().get(pk=newer.pk)
        observer = in_thread(lambda: wake(["pool:1"]))  # takes the older row, then waits for the newer
        until = time.monotonic() + PATIENCE_SECONDS
        while not somebody_waits_for_a_lock() and time.monotonic() < until:
            time.sleep(0.01)
        wake(["pool:1"])
    observer.join(PATIENCE_SECONDS)
    assert not observer.is_alive()
    now = clock.database_now()
    assert Operation.objects.filter(due_at__lte=now).count() == len([older, newer])


def test_nobody_is_woken_by_what_was_rolled_back(world: World):
    two_that_wait(world)
    with transaction.atomic():
        wake(["pool:1"])
        transaction.set_rollback(True)
    assert not Operation.objects.filter(due_at__lte=clock.database_now()).exists()


def test_the_first_wait_on_a_key_is_short(world: World):
    older, _ = two_that_wait(world)
    older.refresh_from_db()
    assert (older.due_at - clock.database_now()).total_seconds() < 6

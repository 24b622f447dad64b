"""A stack whose workers obey orders at their failpoints, and the blows that it is dealt."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from django.db import connection

from controlplane.beat import LEADER_LOCK
from controlplane.embedded import Part
from controlplane.embedded.processes import Child
from operations import counting
from operations.models import StepRun
from tests.faults.burst import Burst, answer_of, wait_until
from tests.faults.orders import Order, OrderBook

FREEZE_SECONDS = 20.0
GONE_SECONDS = 60.0
PATIENCE_SECONDS = 240.0
LEADER = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
AND (classid::bigint << 32) + objid::bigint = %s
"""


@dataclass
class Fleet(Burst):
    """Grants wishes again and again; each test adds a few."""

    orders: OrderBook = field(kw_only=True)

    def survives(self, name: str, blow: Callable[[], None], *, wishes: int) -> str:
        """Strike in the midst of a few wishes and wait until all are granted; meanwhile the stack looks after its parts,
        as it always does. Tells the times that it took."""
        self.wish(wishes)
        blow()
        struck_at, moved_after = time.monotonic(), 0.0
        steps_before = answer_of(StepRun.objects.count)

        def look() -> None:
            nonlocal moved_after
            self.stack.look_after()
            if not moved_after and answer_of(StepRun.objects.count) > steps_before:
                moved_after = time.monotonic() - struck_at

        self.wait(seconds=PATIENCE_SECONDS * 2, step=look)
        return f"{name}: next step after {moved_after:.1f} s, all over after {time.monotonic() - struck_at:.1f} s"

    def kill_at(self, order: Order) -> None:
        """Wait for a worker to kill itself as ordered; start again what has ended."""
        pid = self.obeyed(order)
        name = next((name for name, child in self.stack.children.items() if child.pid == pid), None)
        if name is not None:  # else it was a child of a worker, which looks after its own
            assert wait_until(lambda: not self.stack.children[name].alive, seconds=20)
            self.stack.restart(name)

    def obeyed(self, order: Order) -> int:
        """Give an order, and answer which process has obeyed it."""
        self.orders.give(order)
        assert wait_until(lambda: self.orders.taken_by() is not None, seconds=PATIENCE_SECONDS), self.what_is_open()
        pid = self.orders.taken_by()
        assert pid is not None
        return pid

    def outlive(self, order: Order) -> int:
        """Let a worker pause as ordered, until all its work was done by others, then go on. Answers how many of its
        records were refused."""
        before = zombies()
        with self.another("worker-advance"):
            pid, paused_at = self.obeyed(order), time.monotonic()
            try:
                self.wait(seconds=PATIENCE_SECONDS)
            finally:
                os.kill(pid, signal.SIGCONT)
            self.recoveries = [f"{order.name}: others had done its work after {time.monotonic() - paused_at:.1f} s"]
            wait_until(lambda: zombies() > before, seconds=60)
        return zombies() - before

    def freeze_broker(self) -> None:
        child = self.stack.children[Part.VALKEY]
        child.signal(signal.SIGSTOP)
        let_pass(FREEZE_SECONDS)
        child.signal(signal.SIGCONT)

    def lose_broker(self) -> None:
        """Kill it, and start it again a minute later, at the same address and with nothing that it knew."""
        self.stack.children[Part.VALKEY].kill()
        let_pass(GONE_SECONDS)
        self.stack.restart(Part.VALKEY)

    def kill_leading_beat(self) -> None:
        """Kill the beat that leads while another one follows; the other takes over."""
        before = leader()
        self.stack.children[Part.BEAT].kill()
        assert wait_until(lambda: leader() not in (0, before), seconds=60), "nobody took over"

    @contextmanager
    def another(self, name: str) -> Iterator[None]:
        """A second process like the one of that name, for a while."""
        program = self.stack.children[name].program
        command = [part.replace(f"{name}@", f"{name}-second@") for part in program.command]
        second = Child(replace(program, name=f"{name}-second", command=command), self.stack.run)
        second.start()
        try:
            yield
        finally:
            second.stop()


def zombies() -> int:
    """How many records of workers that had lost their row were refused so far."""
    return answer_of(lambda: int(counting.totals().get("zombies_rejected", 0)))


def leader() -> int:
    """The session of the beat that leads; 0 for none."""

    def ask() -> int:
        with connection.cursor() as cursor:
            cursor.execute(LEADER, [LEADER_LOCK])
            return int((cursor.fetchone() or (0,))[0])

    return answer_of(ask)


def let_pass(seconds: float) -> None:
    """An outage takes its time."""
    wait_until(lambda: False, seconds=seconds)

"""One run: a seeded scheduler that lets one actor at a time do its next step, first among faults, then in peace."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from unittest.mock import patch

from celery import current_app
from django.db import connection
from django.test import override_settings

from operations.claims import turns
from operations.models import Operation
from tests import databases
from tests.builders import a_region, a_subscription, a_workspace
from tests.local_azure import unsettled
from tests.simulation import ends
from tests.simulation.actors import Act, Customers, Others
from tests.simulation.broker import Broker
from tests.simulation.dice import Dice, Schedule
from tests.simulation.invariants import Violation, Watch, demand
from tests.simulation.virtual_time import VirtualTime, same_every_time, virtual_database_clock
from tests.simulation.workers import Worker
from tests.simulation.world import World

FAULTY_SECONDS = 1200.0
PEACE_SECONDS = 12 * 3600.0
REPAIRS = 30
STEPS = 4_000
STEP_SECONDS = 0.001
BEAT_SECONDS = 2.0
HASTE = {"OBSERVE_WAITING_SECONDS": 25.0, "EXAMINE_AFTER_SECONDS": 300.0}  # fewer looks, which cost most of a run

NEXT_DUE = """
SELECT extract(epoch FROM (SELECT min(due_at) FROM operations_operation
    WHERE state IN ('queued', 'running') AND follows_id IS NULL) - operations_now())::float8,
  extract(epoch FROM (SELECT min(greatest(observe_due_at, observe_lease_until)) FROM inventory_sqlserver
    WHERE status <> 'deleted') - operations_now())::float8
"""


@dataclass
class Report:
    """What came of a run. `failure` is empty when every invariant held; `trace` tells each step."""

    seed: int
    failure: str = ""
    steps: int = 0
    checks: int = 0
    deaths: int = 0
    late_effects: int = 0
    operations: int = 0
    virtual_seconds: float = 0.0
    real_seconds: float = 0.0
    cpu_seconds: float = 0.0
    schedule: Schedule = field(default_factory=dict)
    trace: list[str] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Equal for equal runs."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]


def run(seed: int, schedule: Mapping[str, int] | None = None) -> Report:
    """Run a seed, or replay a schedule of it, on an emptied database. Never raises a Violation: the report has it."""
    started, cpu = time.perf_counter(), time.process_time()
    databases.empty_connected()
    turns.forget()
    clock = VirtualTime()
    report = Report(seed)
    with ExitStack() as stack:
        stack.enter_context(override_settings(**HASTE))
        stack.enter_context(virtual_database_clock())
        stack.enter_context(same_every_time(clock, seed))
        clock.tell_database()
        dice = Dice(seed, schedule)
        scheduler = _Scheduler(dice, clock, seed, report)
        stack.enter_context(patch.object(current_app, "send_task", scheduler.broker.send_task))
        scheduler.go()
    report.schedule = dice.thrown
    report.real_seconds, report.cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    return report


class _Scheduler:
    def __init__(self, dice: Dice, clock: VirtualTime, seed: int, report: Report) -> None:
        self._dice, self._clock, self._report = dice, clock, report
        self.broker = Broker(dice, clock)
        self._world = World(dice, clock, seed)
        a_subscription(self._world.local.subscription_id)
        self._customers = Customers(dice, a_workspace("cigna", a_region("eastus")))
        self._others = Others(dice, self._customers, self._world.local.azure)
        acts = [*self._customers.plan(), *self._others.plan()]
        self._acts: list[Act] = sorted(acts, key=lambda act: act.at)
        self._workers = [Worker(f"worker {n}", clock) for n in range(1, 3 + dice.draw("more workers", (2.0, 1.0, 1.0)))]
        self._watch = Watch()
        self._last: Worker | None = None
        self._last_beat = -BEAT_SECONDS
        self._repairs = 0

    def go(self) -> None:
        """To the end, or to the first thing that is wrong."""
        for worker in self._workers:
            worker.start()
        try:
            with self._world.watched():
                self._run_to_the_end()
                ends.check(self._world.local, self._customers.wanted, self._world.late)
        except Violation as violation:
            self._report.failure = str(violation)
        except Exception as error:  # what an actor or a worker met that no code of ours handles is a finding, too
            self._report.failure = f"{type(error).__name__}: {error}"
        finally:
            for worker in self._workers:
                worker.stop()
            self._sum_up()

    def _run_to_the_end(self) -> None:
        while self._report.steps < STEPS:
            self._act()
            self._deliver()
            ready = [w for w in self._workers if not w.is_idle and w.wakes_at <= self._clock.seconds]
            if ready:
                self._step(ready)
            elif not self._pass_time():
                return
        raise Violation(f"no end after {STEPS} steps: {_open()}")

    def _step(self, ready: list[Worker]) -> None:
        """One worker, most often the one that ran last, goes on to its next yield point."""
        ready.sort(key=lambda worker: worker is not self._last)
        worker = ready[self._dice.draw("turn", (4.0, *(1.5 for _ in ready[1:])))]
        self._last = worker
        self._clock.move_to(self._clock.seconds + STEP_SECONDS)
        worker.turn()
        self._note(f"{worker.name}: {worker.place}")

    def _note(self, what: str) -> None:
        """Write the step down, and look whether everything still holds."""
        self._report.steps += 1
        self._report.trace.append(f"{self._clock.seconds:10.3f} {what}")
        self._watch.look()
        demand(not self._world.broken, "; ".join(self._world.broken))

    def _act(self) -> None:
        while self._acts and self._acts[0].at <= self._clock.seconds:
            act = self._acts.pop(0)
            self._clock.move_to(self._clock.seconds + STEP_SECONDS)
            self._clock.tell_database()
            act.do()
            self._note(act.name)

    def _deliver(self) -> None:
        for worker in self._workers:
            if worker.is_idle and self.broker.here():
                worker.take(self.broker.take().job())

    def _pass_time(self) -> bool:
        """Nobody can go on now: jump to the next moment at which somebody can. False when all is over."""
        if self._clock.seconds > FAULTY_SECONDS and not self._dice.fair:
            self._make_peace()
        if self._is_quiet():
            return self._repair()
        demand(self._clock.seconds < FAULTY_SECONDS + PEACE_SECONDS, f"no end in twelve hours of peace: {_open()}")
        beat = self._next_beat()
        moments = [w.wakes_at for w in self._workers if not w.is_idle]
        moments += [message.at for message in self.broker.waiting] + [act.at for act in self._acts[:1]]
        later = [moment for moment in moments if moment > self._clock.seconds]
        self._clock.move_to(min([*later, beat[0]]))
        self._world.refresh_clients()
        if self._clock.seconds >= beat[0]:
            self._beat(beat[1])
        return True

    def _is_quiet(self) -> bool:
        idle = all(worker.is_idle for worker in self._workers)
        return idle and not self.broker.waiting and not self._acts and not unsettled()

    def _next_beat(self) -> tuple[float, list[str]]:
        """The next tick of beat that would find something, and what it sends; ticks that find nothing are left out."""
        self._clock.tell_database()
        with connection.cursor() as cursor:
            cursor.execute(NEXT_DUE)
            found = cursor.fetchone()
        tasks = ("operations.tasks.advance_due", "provisioning.tasks.observe_servers")
        due = {t: self._tick(s) for t, s in zip(tasks, found, strict=True) if s is not None and not self.broker.has(t)}
        if not due:
            return float("inf"), []
        first = min(due.values())
        return first, [task for task, at in due.items() if at == first]

    def _tick(self, seconds_from_now: float) -> float:
        at = max(self._clock.seconds, self._clock.seconds + seconds_from_now)
        tick = -(-at // BEAT_SECONDS) * BEAT_SECONDS
        return max(tick, self._last_beat + BEAT_SECONDS)

    def _beat(self, tasks: list[str]) -> None:
        self._last_beat = self._clock.seconds
        for task in tasks:
            self.broker.send_task(task)

    def _make_peace(self) -> None:
        """From here on nothing goes wrong by itself any more."""
        self._dice.fair = True
        self._world.local.azure.faults.clear()
        self._others.cancel_stuck()
        self._note("peace")

    def _repair(self) -> bool:
        """All is quiet: people mend what waits for them. False when there is nothing to mend."""
        if not self._dice.fair:
            self._make_peace()
        self._clock.tell_database()
        if not any([self._others.retry_what_needs_attention(), self._customers.ask_again()]):
            return False
        self._repairs += 1
        demand(self._repairs < REPAIRS, f"mended {REPAIRS} times in vain: {_open()}")
        self._note("people mend")
        return True

    def _sum_up(self) -> None:
        self._report.checks = self._watch.checks
        self._report.deaths = sum(worker.deaths for worker in self._workers)
        self._report.late_effects = len(self._world.late)
        self._report.virtual_seconds = self._clock.seconds
        self._report.operations = Operation.objects.count()


def _open() -> str:
    return "; ".join(
        f"{o.kind} {o.state} at {o.step}: {o.error_code} {o.error_message} {o.waits_why}"
        for o in Operation.objects.exclude(state__in=[Operation.State.SUCCEEDED, Operation.State.CANCELLED])
    )

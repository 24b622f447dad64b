"""What workers touch: hooks at every failpoint and call, where others may run first, time may pass, and worse."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import structlog
from azure.keyvault.secrets._shared import http_challenge_cache
from django.db import connection

from operations import failpoints
from operations.models import Operation, StepRun
from tests.local_azure import LocalAzure
from tests.simulation.dice import Dice
from tests.simulation.faults import Weather, strike
from tests.simulation.virtual_time import VirtualTime
from tests.simulation.workers import Worker, present_worker

HELD_UP_SECONDS = (0.0, 1.0, 20.0, 110.0, 250.0)
STALE_SECONDS = (0.0, 4.0, 25.0)
CLIENTS_LIVE_SECONDS = 1800.0  # a process starts anew before the tokens that the simulated clock has seen expire
IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|(?<=local-eastus-)\w{8}|\b[dps]-[a-z2-7]{26}")


class World:
    """The simulated Azure behind hooks. `broken` collects what was seen to be wrong inside a worker's turn.

    `late` are lower-case ids of resources and secrets that a worker changed after its lease was over.
    """

    def __init__(self, dice: Dice, time: VirtualTime, seed: int) -> None:
        self._dice = dice
        self._time = time
        http_challenge_cache.clear()  # the SDK's own, a process wide: the run before had another tenant
        stale = STALE_SECONDS[dice.draw("weather: stale reads", (2.0, 1.0, 1.0))]
        self.local = LocalAzure(real=time.elapsed, seed=seed, stale_seconds=stale)
        self.local.azure.clock.advance(timedelta(seconds=time.began - self.local.azure.clock.now()))
        self.weather = Weather(dice)
        self._deaths = 0.01 if dice.chance("weather: deaths", 0.5) else 0.0
        self._hold_ups = dice.chance("weather: hold-ups", 0.6)
        self._clients_since = 0.0
        self.broken: list[str] = []
        self.late: set[str] = set()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Hooks in place, and bugs that the engine logs heard."""
        failpoints.listen(self._point)
        self.local.around = self._around
        root = logging.getLogger()
        kept, root.handlers = root.handlers, [_Ear(self.broken)]
        try:
            yield
        finally:
            root.handlers = kept
            failpoints.listen(None)

    def refresh_clients(self) -> None:
        """Let processes start anew before their tokens expire."""
        if self._time.seconds - self._clients_since > CLIENTS_LIVE_SECONDS:
            self._clients_since = self._time.seconds
            self.local.new_clients()

    def _point(self, name: str) -> None:
        worker = present_worker()
        if worker is not None and not connection.in_atomic_block:
            self._stand(worker, name)

    def _around(self, name: str, call: Callable[[], Any]) -> Any:
        worker = present_worker()
        if worker is None or "/oauth2/" in name or "openid" in name:
            return call()
        if connection.in_atomic_block:
            self.broken.append(f"a transaction is open across {shortened(name)}")
        fault = self.weather.fault(worker.name, name)
        label = shortened(name) if fault.name == "none" else f"{shortened(name)} ({fault.name})"
        self._stand(worker, label)
        before = len(self.local.azure.ledger)
        try:
            answer = strike(fault, self.local.azure, name, call)
        finally:
            if len(self.local.azure.ledger) > before:
                self._judge_effects(before)
        self._stand(worker, f"answer of {label}")
        return answer

    def _stand(self, worker: Worker, place: str) -> None:
        weights = (60.0, 4.0, 1.0, 0.5, 0.5) if self._hold_ups else (1.0,)
        seconds = HELD_UP_SECONDS[self._dice.draw(f"{worker.name} is held up", weights)]
        dies = self._dice.chance(f"{worker.name} dies", self._deaths) if self._deaths else False
        worker.stand(place, seconds=seconds, dies=dies)

    def _judge_effects(self, before: int) -> None:
        """No effect without an intent that was committed first, by this very claim."""
        bound = structlog.contextvars.get_contextvars()
        for effect in self.local.azure.ledger.entries(before):
            what = f"{effect['operation']} by {bound.get('kind')}.{bound.get('step')}"
            intents = StepRun.objects.filter(
                operation_id=bound.get("operation"), step=bound.get("step"), run=bound.get("fence")
            )
            if "operation" not in bound or not intents.exists():
                self.broken.append(f"an effect without intent: {what}")
                return
            self._judge_tag(effect["id"], what)
            if not Operation.objects.filter(pk=bound["operation"], fence=bound["fence"], state="running").exists():
                self.late.add(effect["id"].lower())

    def _judge_tag(self, resource_id: str, what: str) -> None:
        found = self.local.azure.arm.resources.get(resource_id)
        tagged = found.body.get("tags", {}).get("operation") if found else None
        if tagged is not None and not StepRun.objects.filter(operation_id=tagged).exists():
            self.broken.append(f"the tag of no operation that began: {what}")


class _Ear(logging.Handler):
    """Hears what the engine calls a crash of a step, which is a bug; drops all else, unformatted."""

    def __init__(self, heard: list[str]) -> None:
        super().__init__()
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        event = record.msg if isinstance(record.msg, dict) else {}
        if event.get("event") == "operation.step_crashed":
            error = record.exc_info[1] if record.exc_info else None
            self._heard.append(f"a step crashed: {event.get('kind')}.{event.get('step')}: {error!r}")


def shortened(name: str) -> str:
    """A call's name without ids, and without the path above the server."""
    method, _, rest = name.partition(" ")
    path = rest.partition("/providers/Microsoft.Sql/")[2] or rest
    return f"{method} {IDS.sub('*', path)}"

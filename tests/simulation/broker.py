"""A broker that may lose, double, delay and reorder whatever it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from operations import tasks
from provisioning.tasks import observe_servers
from tests.simulation.dice import Dice
from tests.simulation.virtual_time import VirtualTime
from tests.simulation.workers import Job

DELAYS = (0.01, 3.0, 40.0)
FATES = ("arrives", "is lost", "comes twice", "comes late", "comes much later")


@dataclass(frozen=True, slots=True)
class Message:
    """A task and its argument, delivered at `at` (virtual seconds) at the earliest."""

    at: float
    task: str
    arguments: tuple[str, ...] = ()

    def job(self) -> Job:
        """What a worker does with it."""
        match self.task:
            case "operations.tasks.advance_operation":
                return lambda: tasks.advance_operation.run(str(UUID(self.arguments[0])))
            case "operations.tasks.advance_due":
                return tasks.advance_due.run
            case "provisioning.tasks.observe_servers":
                return observe_servers.run
        raise KeyError(self.task)


class Broker:
    """Messages on their way. `send_task` stands in Celery's place."""

    def __init__(self, dice: Dice, time: VirtualTime) -> None:
        self._dice = dice
        self._time = time
        self.waiting: list[Message] = []
        self.is_bad = dice.chance("weather: broker", 0.6)

    def send_task(self, name: str, args: tuple[str, ...] = (), **_: Any) -> None:
        weights = (6.0, 1.0, 1.0, 1.0, 0.5) if self.is_bad else (1.0,)
        fate = self._dice.draw("broker", weights)
        delays = {0: DELAYS[:1], 1: (), 2: DELAYS[:2], 3: DELAYS[1:2], 4: DELAYS[2:]}[fate]
        self.waiting += [Message(self._time.seconds + delay, name, tuple(args)) for delay in delays]

    def has(self, task: str) -> bool:
        return any(message.task == task for message in self.waiting)

    def here(self) -> list[Message]:
        """What could be delivered now."""
        return [message for message in self.waiting if message.at <= self._time.seconds]

    def take(self) -> Message:
        """The next message; not always the oldest."""
        here = self.here()
        message = here[self._dice.draw("broker hands out", (4.0, *(1.0 for _ in here[1:3])))]
        self.waiting.remove(message)
        return message

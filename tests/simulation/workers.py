"""Worker processes as threads that pass one baton: exactly one runs, and only until its next yield point."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from django.db import connection

from operations.failpoints import Crash
from tests.simulation.virtual_time import VirtualTime

Job = Callable[[], None]


class Stopped(BaseException):
    """The run is over; whoever still works ends here."""


@dataclass(eq=False)
class Worker:
    """One worker. Idle, or at work and able to go on at `wakes_at`; `place` is where it stands.

    `fence` is the fence of the claim that it last began to act on.
    """

    name: str
    time: VirtualTime
    wakes_at: float = 0.0
    place: str = "idle"
    fence: int = 0
    deaths: int = 0
    failure: BaseException | None = None
    _job: Job | None = None
    _dies: bool = False
    _ends: bool = False
    _baton: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _back: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _thread: threading.Thread | None = None

    @property
    def is_idle(self) -> bool:
        return self._job is None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._live, name=self.name, daemon=True)
        _workers[self._thread] = self
        self._thread.start()

    def stop(self) -> None:
        """End the thread wherever it stands, its session with it."""
        self._ends = True
        self._baton.release()
        assert self._thread is not None
        self._thread.join(timeout=30)
        del _workers[self._thread]

    def take(self, job: Job) -> None:
        """Be given a task; it begins with the next turn."""
        assert self._job is None, "a worker works on one message at a time"
        self._job, self.place, self.wakes_at = job, "begins", self.time.seconds

    def turn(self) -> None:
        """Let it run to its next yield point, or to the end of its task."""
        self._baton.release()
        self._back.acquire()
        if self.failure is not None:
            raise self.failure

    def stand(self, place: str, *, seconds: float = 0.0, dies: bool = False) -> None:
        """Called by the worker itself: hand the baton back, and go on `seconds` later, or never."""
        self.place, self.wakes_at, self._dies = place, self.time.seconds + seconds, dies
        self._hand_over()
        if self._dies:
            self._dies = False
            raise Crash(place)

    def _hand_over(self) -> None:
        self._back.release()
        self._baton.acquire()
        if self._ends:
            raise Stopped
        self.time.tell_database()

    def _live(self) -> None:
        try:
            self._baton.acquire()
            while not self._ends:
                self._work()
                self._job, self.place = None, "idle"
                self._back.release()
                self._baton.acquire()
        except Stopped:
            pass
        except BaseException as failure:  # a fault of the simulation itself must not leave the run waiting
            self.failure = failure
            self._back.release()
        finally:
            connection.close()

    def _work(self) -> None:
        assert self._job is not None
        structlog.contextvars.clear_contextvars()
        try:
            self.time.tell_database()
            self._job()
        except Crash:
            self.deaths += 1
            connection.close()  # as the server sees it: the session is gone, and what it had open is undone
        except Stopped:
            raise
        except BaseException as failure:  # handed to the run, which fails with it
            self.failure = failure


_workers: dict[threading.Thread, Worker] = {}


def present_worker() -> Worker | None:
    """The worker whose thread this is; None in the thread of the run itself."""
    return _workers.get(threading.current_thread())

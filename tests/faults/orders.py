"""A failpoint at which a real worker strikes itself, ordered by a file: who gets there first takes the order and obeys."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog


@dataclass(frozen=True, slots=True)
class Order:
    """Send yourself a signal at the `nth` pass of `failpoint`; with `step`, only passes by that step count."""

    failpoint: str
    signal: int = signal.SIGKILL
    step: str = ""
    nth: int = 1

    @property
    def name(self) -> str:
        word = signal.Signals(self.signal).name
        return f"{word} at {self.failpoint}{f' of {self.step}' if self.step else ''}"


@dataclass(frozen=True, slots=True)
class OrderBook:
    """The file in which a test puts one order at a time; every worker looks there at each failpoint."""

    path: Path

    def give(self, order: Order) -> None:
        self.taken.unlink(missing_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(order)))
        fresh.replace(self.path)

    def present(self) -> Order | None:
        try:
            return Order(**json.loads(self.path.read_text()))
        except FileNotFoundError:
            return None

    def take(self) -> bool:
        """True for exactly one of all that try."""
        mine = self.path.with_suffix(f".{os.getpid()}")
        try:
            self.path.rename(mine)
        except FileNotFoundError:
            return False
        mine.write_text(str(os.getpid()))
        mine.rename(self.taken)
        return True

    def taken_by(self) -> int | None:
        """The process that obeyed the last order; None while nobody has."""
        return int(self.taken.read_text()) if self.taken.exists() else None

    @property
    def taken(self) -> Path:
        return self.path.with_suffix(".taken")


class Obedience:
    """Listens at the failpoints of one process."""

    def __init__(self, book: OrderBook) -> None:
        self._book = book
        self._passes: Counter[Order] = Counter()

    def __call__(self, failpoint: str) -> None:
        order = self._book.present()
        if order is None or order.failpoint != failpoint or not _is_meant(order):
            return
        self._passes[order] += 1
        if self._passes[order] >= order.nth and self._book.take():
            signal.pthread_kill(threading.get_ident(), order.signal)  # here and now; it still strikes the whole process


def _is_meant(order: Order) -> bool:
    return not order.step or structlog.contextvars.get_contextvars().get("step") == order.step

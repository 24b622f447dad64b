"""The simulated clock: real time, scaled and movable."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Clock:
    """Simulated time in seconds since the epoch. `scale` 60 makes a simulated minute pass in a real second.

    It starts at the real present, or at `start` (a restart goes on where the state left off).
    """

    def __init__(
        self, scale: float = 1.0, start: float | None = None, real: Callable[[], float] = time.monotonic
    ) -> None:
        self.scale = scale
        self._real = real
        self._real_start = real()
        self._start = time.time() if start is None else start

    def now(self) -> float:
        """Simulated seconds since the epoch."""
        return self._start + (self._real() - self._real_start) * self.scale

    def moment(self) -> datetime:
        """The same as an aware UTC datetime."""
        return datetime.fromtimestamp(self.now(), UTC)

    def advance(self, by: timedelta) -> None:
        """Jump forward; never backward."""
        if by < timedelta(0):
            raise ValueError("The clock only moves forward.")
        self._start += by.total_seconds()

    def set_scale(self, scale: float) -> None:
        """Let time pass faster or slower from now on."""
        if scale <= 0:
            raise ValueError("The scale is a positive number.")
        self._start = self.now()
        self._real_start = self._real()
        self.scale = scale

    def real_seconds(self, simulated_seconds: float) -> float:
        """How long a simulated span takes on the wall, at least 1 ms."""
        return max(simulated_seconds / self.scale, 0.001)

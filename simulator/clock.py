"""The simulated clock: real time, scaled and movable."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

END = datetime(2200, 1, 1, tzinfo=UTC).timestamp()  # later moments would leave no room for what is due after them
FASTEST = 1e6


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
        """Jump forward; raises ValueError for a jump backward or beyond the year 2199, and has not moved then."""
        if by < timedelta(0):
            raise ValueError("The clock only moves forward.")
        if self.now() + by.total_seconds() >= END:
            raise ValueError("The clock ends with the year 2199.")
        self._start += by.total_seconds()

    def set_scale(self, scale: float) -> None:
        """Let time pass faster or slower from now on; raises ValueError unless 0 < scale <= 1,000,000."""
        if not 0 < scale <= FASTEST:
            raise ValueError(f"The scale is a positive number up to {FASTEST:g}.")
        self._start = self.now()
        self._real_start = self._real()
        self.scale = scale

    def real_seconds(self, simulated_seconds: float) -> float:
        """How long a simulated span takes on the wall, at least 1 ms."""
        return max(simulated_seconds / self.scale, 0.001)

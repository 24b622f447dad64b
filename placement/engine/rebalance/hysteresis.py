"""When a pool is to be relieved: not at the first high reading, and not again and again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Marks:
    """Shares of a pool's limit, of its forecast load. A pool turns hot above `high` in `needed` of the last `windows`
    looks, at the latest look too (the short and the long view agree), and stays so until it is below `low`."""

    high: float = 0.95
    low: float = 0.85
    windows: int = 6
    needed: int = 4

    def __post_init__(self) -> None:
        if not (self.low < self.high and 1 <= self.needed <= self.windows):
            raise ValueError("the low mark lies below the high one, and no more looks are needed than are kept")


class Watch:
    """Remembers the last looks at every pool."""

    def __init__(self, pools: int, marks: Marks) -> None:
        self._marks = marks
        self._above: deque[Mask] = deque(maxlen=marks.windows)
        self.hot: Mask = np.zeros(pools, dtype=np.bool_)

    def look(self, load: Floats) -> Mask:
        """Which pools are to be relieved now, given each one's forecast load as a share of its limit."""
        self._above.append(load > self._marks.high)
        often = np.sum(self._above, axis=0) >= self._marks.needed
        self.hot = (self.hot & (load >= self._marks.low)) | (often & self._above[-1])
        return self.hot


def looked_again(looks: Ints, hot: Mask, load: Floats, marks: Marks) -> tuple[Ints, Mask]:
    """As `Watch.look`, for a memory that is kept elsewhere: the last looks of each pool, a bit each, the newest lowest."""
    above = load > marks.high
    looks = ((looks << 1) | above) & ((1 << marks.windows) - 1)
    often = np.bitwise_count(looks) >= marks.needed
    return looks, (hot & (load >= marks.low)) | (often & above)

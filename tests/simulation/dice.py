"""Every decision of a run, drawn from one seed and written down; 0 is always what happens on a good day."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence

Schedule = dict[str, int]


class Dice:
    """Draws by name. Either thrown from a seed, or replayed: then what `schedule` does not name is 0.

    A name is counted on its own ("worker 2 dies 14" is that worker's fourteenth chance to die), so that taking one decision
    away leaves most others where they were. `thrown` is the schedule of this run: every decision that was not 0.
    """

    def __init__(self, seed: int, schedule: Mapping[str, int] | None = None) -> None:
        self._random = random.Random(f"simulation:{seed}")
        self._schedule = schedule
        self._counts: Counter[str] = Counter()
        self.thrown: Schedule = {}
        self.fair = False

    def draw(self, what: str, weights: Sequence[float]) -> int:
        """An index into `weights`; 0 without a throw once the dice are `fair`."""
        if self.fair:
            return 0
        self._counts[what] += 1
        name = f"{what} {self._counts[what]}"
        value = self._value(name, weights)
        if value:
            self.thrown[name] = value
        return value

    def chance(self, what: str, rate: float) -> bool:
        """True in `rate` of all throws."""
        return bool(self.draw(what, (1.0 - rate, rate)))

    def _value(self, name: str, weights: Sequence[float]) -> int:
        if self._schedule is not None:
            return min(self._schedule.get(name, 0), len(weights) - 1)
        return self._random.choices(range(len(weights)), weights)[0]

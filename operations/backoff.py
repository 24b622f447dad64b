"""Pure: attempt → delay."""

from __future__ import annotations

import random

FIRST_SECONDS = 2.0
LONGEST_SECONDS = 300.0


def delay_seconds(attempt: int, *, spread: random.Random | None = None) -> float:
    """Exponential from 2 s to 5 min with full jitter in its upper half; `attempt` counts from 1."""
    ceiling = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(attempt - 1, 16))
    return float(ceiling / 2) + (spread or random).uniform(0, ceiling / 2)


def jittered(seconds: float) -> float:
    """At least `seconds`, up to a tenth more, so that those who wait together do not come back together."""
    return seconds * random.uniform(1.0, 1.1)  # noqa: S311 (jitter, not a secret)

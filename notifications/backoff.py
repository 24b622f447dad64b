"""Pure: how often something has failed → how long to wait."""

from __future__ import annotations

import random

STEPS = (5.0, 60.0, 300.0, 900.0, 1800.0, 3600.0)
"""Seconds after the first, second, … failure; the last for all that follow."""


def after_failures(failures: int, *, spread: random.Random | None = None) -> float:
    """Seconds until the next attempt after so many failures in a row (at least one), up to a fifth more."""
    step = STEPS[min(failures, len(STEPS)) - 1]
    return step * (spread or random).uniform(1.0, 1.2)

"""How many databases to keep ready: so many that an arrival finds one with the wished probability while others are made."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

WIDEST = 20.0
"""Arrivals come in bunches; beyond this ratio of variance to mean the past says more about one event than about the next."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What came: wishes an hour, and the variance of an hour's number over its mean (1: they come independently)."""

    an_hour: float
    dispersion: float = 1.0


@dataclass(frozen=True, slots=True)
class StockSize:
    """`count` databases serve a share `served` of the wishes from stock; `bound_by` says what decided the number."""

    count: int
    served: float
    bound_by: str


def stock_size(arrivals: Arrivals, *, refill_hours: float, goal: float, least: int, most: int) -> StockSize:
    """The smallest stock, between `least` and `most`, by which a share `goal` of wishes finds one.

    A wish finds the stock empty when as many came within one refill before it. That number is taken as negative binomial
    (Poisson where dispersion is 1). Raises ValueError for bounds or shares that make no sense.
    """
    if not (0 <= least <= most and 0 < goal < 1 and refill_hours >= 0 and arrivals.an_hour >= 0):
        raise ValueError("a stock has least <= most, and a goal between 0 and 1")
    mean = arrivals.an_hour * refill_hours
    served, count = 0.0, 0
    wanted = 0 if mean == 0 else most + 1
    for count, chance in enumerate(_chances(mean, arrivals.dispersion, most), start=1):
        served += chance
        if served >= goal:
            wanted = min(wanted, count)
            break
    chosen = min(max(wanted, least), most)
    reached = sum(_chances(mean, arrivals.dispersion, chosen)) if mean else 1.0
    return StockSize(chosen, min(reached, 1.0), _bound(wanted, least=least, most=most))


def _bound(wanted: int, *, least: int, most: int) -> str:
    if wanted > most:
        return "most"
    return "least" if wanted < least else "goal"


def _chances(mean: float, dispersion: float, number: int) -> list[float]:
    """The chance of exactly 0, 1, … `number` - 1 arrivals, by recurrence."""
    spread = min(max(dispersion, 1.0), WIDEST)
    if mean <= 0:
        return [1.0, *([0.0] * (number - 1))][:number]
    if spread - 1.0 < 1e-6:
        return _recurrence(math.exp(-mean), number, lambda k: mean / (k + 1))
    size, ratio = mean / (spread - 1.0), 1.0 - 1.0 / spread
    return _recurrence(spread ** (-size), number, lambda k: ratio * (size + k) / (k + 1))


def _recurrence(first: float, number: int, factor: Callable[[int], float]) -> list[float]:
    found, chance = [], first
    for k in range(number):
        found.append(chance)
        chance *= factor(k)
    return found

"""A million databases over ten thousand pools in seconds: largest first, each to the best of a few pools drawn.

The number of pools is fixed first and raised from the bound until everything fits. Trying a few drawn pools instead of
all loses almost nothing while there is room, and all are tried only when none of those drawn has any.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from placement.engine.compiled import compiled
from placement.engine.packing.filling import Floats, Ints, fits

STEPS = (1.005, 1.01, 1.015, 1.02, 1.03, 1.05, 1.1, 1.2, 1.5, 2.0, 4.0)
"""Numbers of pools to try, as multiples of the bound."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A pool number for each database, how many pools, and how few there could be."""

    pool: Ints
    pools: int
    bound: int


def volume_bound(shares: Floats) -> int:
    """No packing needs fewer pools than the scarcest resource does in all."""
    return max(1, math.ceil(float(shares.sum(axis=0).max()) - 1e-6)) if len(shares) else 0


def spread(shares: Floats, *, drawn: int = 8, seed: int = 0) -> Spread:
    """Places for databases whose needs are shares of a pool. Raises ValueError for one larger than a pool."""
    if (shares > 1.0).any():
        raise ValueError("a database needs more than a whole pool")
    bound = volume_bound(shares)
    order = np.argsort(-(shares.max(axis=1) + shares.sum(axis=1)), kind="stable") if len(shares) else np.empty(0, int)
    pool: Ints = np.empty(0, dtype=np.int64)
    for step in STEPS:
        pools = math.ceil(bound * step)
        pool = spread_over(shares, order, pools, drawn, seed)
        if not (pool < 0).any():
            break
    else:
        pool = spread_over(shares, order, len(shares), len(shares), seed)  # always enough
    used, numbered = np.unique(pool, return_inverse=True)
    return Spread(numbered.astype(np.int64), len(used), bound)


@compiled
def spread_over(shares: Floats, order: Ints, pools: int, drawn: int, seed: int) -> Ints:
    """A pool number for each, in this order; stops at the first that fits nowhere, which and whose followers have -1."""
    np.random.seed(seed)
    free = np.ones((pools, shares.shape[1]))
    chosen = np.full(len(shares), -1)
    for item in order:
        best = best_drawn(free, shares[item], drawn)
        if best < 0:
            best = best_of_all(free, shares[item])
        if best < 0:
            break
        chosen[item] = best
        free[best] -= shares[item]
    return chosen


@compiled
def best_drawn(free: Floats, size: Floats, drawn: int) -> int:
    """Of so many pools drawn, the one whose room points most in the direction of what is needed; -1 if none fits."""
    best, best_score = -1, -1.0
    for _ in range(drawn):
        pool = np.random.randint(0, len(free))
        score = match(free[pool], size)
        if score > best_score and fits(free[pool], size):
            best, best_score = pool, score
    return best


@compiled
def best_of_all(free: Floats, size: Floats) -> int:
    """The same among all pools."""
    best, best_score = -1, -1.0
    for pool in range(len(free)):
        if fits(free[pool], size):
            score = match(free[pool], size)
            if score > best_score:
                best, best_score = pool, score
    return best


@compiled
def match(free: Floats, size: Floats) -> float:
    """The dot product of room and need."""
    score = 0.0
    for resource in range(len(size)):
        score += free[resource] * size[resource]
    return score


@compiled
def first_fit_falling(shares: Floats, order: Ints) -> Ints:
    """The textbook rule, for comparison: each into the first pool with room."""
    free = np.ones((len(shares), shares.shape[1]))
    chosen, opened = np.full(len(shares), -1), 0
    for item in order:
        pool = 0
        while not fits(free[pool], shares[item]):
            pool += 1
        opened = max(opened, pool + 1)
        chosen[item] = pool
        free[pool] -= shares[item]
    return chosen

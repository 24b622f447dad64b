"""Compiled: filling bins greedily, by how well an item fits what is left, and one bin by what its items are worth."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from placement.engine.compiled import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SLACK = 1e-9
"""Sizes are shares of a bin; sums carry rounding errors."""


@compiled
def fits(free: Floats, size: Floats) -> bool:
    """Whether an item fits into what is free."""
    for resource in range(len(free)):  # noqa: SIM110 (compiled: no generators)
        if size[resource] > free[resource] + SLACK:
            return False
    return True


@compiled
def fill_bins(sizes: Floats, weights: Floats, noise: Floats) -> Ints:
    """A bin number for each item: bin after bin, always the item whose weighted dot product with the room left is best.

    Weights and noise make each call another packing; 1 everywhere is the plain rule.
    """
    bins = np.full(len(sizes), -1)
    left, current = len(sizes), 0
    while left > 0:
        free = np.ones(sizes.shape[1])
        while True:
            best, best_score = -1, -1.0
            for item in range(len(sizes)):
                if bins[item] < 0 and fits(free, sizes[item]):
                    score = noise[item] * np.sum(weights * free * sizes[item])
                    if score > best_score:
                        best, best_score = item, score
            if best < 0:
                break
            bins[best] = current
            free -= sizes[best]
            left -= 1
        current += 1
    return bins


@compiled
def fill_one(sizes: Floats, worth: Floats, order: Ints) -> Ints:
    """One bin: items in this order while they fit, then exchanges of one for one as long as they raise its worth."""
    inside, free = np.zeros(len(sizes), dtype=np.int64), np.ones(sizes.shape[1])
    for item in order:
        if worth[item] > 0 and fits(free, sizes[item]):
            inside[item] = 1
            free -= sizes[item]
    while exchange(sizes, worth, inside, free) or add_more(sizes, worth, inside, free):
        pass
    return inside


@compiled
def exchange(sizes: Floats, worth: Floats, inside: Ints, free: Floats) -> bool:
    """Put a more valuable item in place of each where one fits; whether any did."""
    improved = False
    for goes in range(len(sizes)):
        if inside[goes] == 1:
            comes = better_than(sizes, worth, inside, free + sizes[goes], worth[goes])
            if comes >= 0:
                free += sizes[goes] - sizes[comes]
                inside[goes], inside[comes], improved = 0, 1, True
    return improved


@compiled
def add_more(sizes: Floats, worth: Floats, inside: Ints, free: Floats) -> bool:
    """Add the most valuable item that still fits; whether one did."""
    item = better_than(sizes, worth, inside, free, 0.0)
    if item >= 0:
        inside[item] = 1
        free -= sizes[item]
    return item >= 0


@compiled
def better_than(sizes: Floats, worth: Floats, inside: Ints, free: Floats, least: float) -> int:
    """The most valuable item outside that fits and is worth more; -1 if none is."""
    best, best_worth = -1, least + SLACK
    for item in range(len(sizes)):
        if inside[item] == 0 and worth[item] > best_worth and fits(free, sizes[item]):
            best, best_worth = item, worth[item]
    return best

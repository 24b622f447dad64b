"""The fills of one bin that are known, the linear program over them, and new fills that would improve it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csc_array

from placement.engine.packing.filling import Floats, Ints, fill_one

GAIN = 1e-6
"""A fill worth no more than 1 + GAIN does not improve the linear program."""


class Fills:
    """Sets of items that fit one bin together, each once."""

    def __init__(self, sizes: Floats) -> None:
        self.sizes = sizes
        self._known: set[bytes] = set()
        self._items: list[Ints] = []

    def __len__(self) -> int:
        return len(self._items)

    def items(self, fill: int) -> Ints:
        """Positions of the items of one fill."""
        return self._items[fill]

    def add(self, fills: Iterable[Ints]) -> int:
        """How many of these were new."""
        before = len(self)
        for items in fills:
            key = np.packbits(np.isin(np.arange(len(self.sizes)), items)).tobytes()
            if key not in self._known:
                self._known.add(key)
                self._items.append(items)
        return len(self) - before

    def matrix(self, left: npt.NDArray[np.bool_]) -> csc_array:
        """A row for each item left, a column for each fill: 1 where it holds the item."""
        starts = np.zeros(len(self) + 1, dtype=np.int64)
        starts[1:] = np.cumsum([len(items) for items in self._items])
        rows = np.concatenate(self._items)
        whole = csc_array((np.ones(len(rows)), rows, starts), shape=(len(self.sizes), len(self)))
        return whole[left, :] if not left.all() else whole


def relaxed(fills: Fills, left: npt.NDArray[np.bool_], seconds: float) -> tuple[Floats, Floats] | None:
    """How much of each fill the linear program takes, and what it pays for each item left; None if out of time."""
    rows = int(left.sum())
    solved = linprog(
        np.ones(len(fills)),
        A_ub=-fills.matrix(left),
        b_ub=-np.ones(rows),
        method="highs",
        options={"time_limit": max(seconds, 0.05)},
    )
    if solved.status != 0:
        return None
    worth = np.zeros(len(left))
    worth[left] = np.maximum(-solved.ineqlin.marginals, 0.0)
    return solved.x, worth


def valuable_fills(sizes: Floats, worth: Floats, random: np.random.Generator, tries: int) -> list[Ints]:
    """Fills worth more than a bin, best first, found greedily in `tries` random orders."""
    found: list[tuple[float, Ints]] = []
    rows = np.flatnonzero(worth > 0)
    small, paid = sizes[rows], worth[rows]
    for _ in range(tries):
        weights = random.exponential(size=sizes.shape[1])
        density = paid / (small @ weights + 1e-12) * np.exp(random.normal(0.0, 0.1, len(rows)))
        inside = np.flatnonzero(fill_one(small, paid, np.argsort(-density)))
        value = float(paid[inside].sum())
        if value > 1 + GAIN:
            found.append((value, rows[inside]))
    found.sort(key=lambda one: -one[0])
    return [items for _, items in found]


def most_valuable_fill(sizes: Floats, worth: Floats, seconds: float) -> tuple[Ints | None, float]:
    """The best fill, as exactly as time allows, and a number that no fill is worth more than (infinity if unknown)."""
    rows = np.flatnonzero(worth > 0)
    solved = milp(
        -worth[rows],
        constraints=LinearConstraint(sizes[rows].T, ub=np.ones(sizes.shape[1])),
        integrality=np.ones(len(rows)),
        bounds=Bounds(0, 1),
        options={"time_limit": max(seconds, 0.05)},
    )
    most = -float(solved.mip_dual_bound) if solved.mip_dual_bound is not None else np.inf
    if solved.x is None:
        return None, most
    return rows[np.flatnonzero(solved.x > 0.5)], most


def whole_fills(fills: Fills, left: npt.NDArray[np.bool_], seconds: float) -> list[Ints] | None:
    """The fewest known fills that hold every item left, as exactly as time allows; None if none was found."""
    solved = milp(
        np.ones(len(fills)),
        constraints=LinearConstraint(fills.matrix(left), lb=np.ones(int(left.sum()))),
        integrality=np.ones(len(fills)),
        bounds=Bounds(0, 1),
        options={"time_limit": max(seconds, 0.05)},
    )
    if solved.x is None:
        return None
    return [fills.items(fill) for fill in np.flatnonzero(solved.x > 0.5).tolist()]

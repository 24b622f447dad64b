"""Pack items into as few bins as possible: always an answer in time, and always a bound that no packing can beat.

Greedy packings give the first answer and the first fills. Column generation then proves a bound and finds better fills;
a dive along the linear program and a search over whole fills make packings of them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from placement.engine.packing.columns import (
    GAIN,
    Fills,
    most_valuable_fill,
    relaxed,
    valuable_fills,
    whole_fills,
)
from placement.engine.packing.filling import Floats, Ints, fill_bins

NOWHERE = -1
SURE = 0.8
"""Of a fill the linear program takes at least this much: the dive takes all of it."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A bin number for each item (NOWHERE for one that fits no bin), how many bins, and how few there could be."""

    bins: Ints
    count: int
    bound: int
    reason: str


@dataclass(slots=True)
class Search:
    """One packing under way: what is left of the time, the best so far, what is known."""

    sizes: Floats
    random: np.random.Generator
    seconds: float
    clock: Callable[[], float]
    began: float
    fills: Fills = field(init=False)
    bins: Ints = field(init=False)
    bound: float = 1.0
    began_wall: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.fills = Fills(self.sizes)
        self.bins = np.arange(len(self.sizes))

    @property
    def count(self) -> int:
        return int(self.bins.max()) + 1

    @property
    def proven(self) -> int:
        """The bound as a whole number of bins."""
        return math.ceil(self.bound - 1e-6)

    def left(self, share: float) -> float:
        """Seconds until this share of the time is spent."""
        return self.began + share * self.seconds - self.clock()

    def wall(self, share: float) -> float:
        """The same on the wall's clock, which is what the solver of linear programs looks at."""
        spent = self.clock() - self.began
        slower = (time.monotonic() - self.began_wall) / spent if spent > 0 else 1.0
        return self.left(share) * max(1.0, slower)

    def offer(self, bins: Ints) -> None:
        """Keep it if it is better."""
        if int(bins.max()) + 1 < self.count:
            self.bins = bins


def pack(
    sizes: Floats, capacity: Floats, *, seconds: float, seed: int = 0, clock: Callable[[], float] = time.monotonic
) -> Packed:
    """Item sizes, one row each, into bins of this capacity."""
    began = clock()
    shares: Floats = sizes / np.where(capacity > 0, capacity, 1.0)
    shares[:, capacity <= 0] = np.where(sizes[:, capacity <= 0] > 0, 2.0, 0.0)
    possible = (shares <= 1.0).all(axis=1)
    bins = np.full(len(sizes), NOWHERE, dtype=np.int64)
    if not possible.any():
        return Packed(bins, 0, 0, "no item fits a bin" if len(sizes) else "there are no items")
    search = Search(np.ascontiguousarray(shares[possible]), np.random.default_rng(seed), seconds, clock, began)
    reason = _improve(search)
    bins[possible] = search.bins
    return Packed(bins, search.count, search.proven, reason if possible.all() else "some items fit no bin")


def _improve(search: Search) -> str:
    """Step after step until the best is proven or time is up."""
    search.bound = max(1.0, float(search.sizes.sum(axis=0).max()))
    for step in (_greedy, _generate, _dive, _choose_whole):
        step(search)
        if search.count <= search.proven:
            return "proven to be the fewest"
    return "time was up"


def _greedy(search: Search) -> None:
    """Some dozens of packings, each by other weights; the first whatever the time."""
    count, width = search.sizes.shape
    weights: Floats = np.ones(width)
    noise: Floats = np.ones(count)
    tries = 0
    while tries == 0 or (tries < 60 and search.left(0.1) > 0):
        bins = fill_bins(search.sizes, weights, noise)
        search.offer(bins)
        search.fills.add(_members(bins))
        weights = search.random.exponential(size=(width,)) + 0.2
        noise = np.exp(search.random.normal(0.0, 0.05, count))
        tries += 1


def _members(bins: Ints) -> list[Ints]:
    order = np.argsort(bins, kind="stable")
    return np.split(order, np.cumsum(np.bincount(bins))[:-1])


def _generate(search: Search) -> None:
    """Fills that the linear program would buy, until there is none (then its value is a bound) or 60% of the time."""
    everyone = np.ones(len(search.sizes), dtype=np.bool_)
    while search.left(0.6) > 0:
        solved = relaxed(search.fills, everyone, search.wall(0.6))
        if solved is None:
            return
        _, worth = solved
        new = valuable_fills(search.sizes, worth, search.random, tries=40)
        if search.fills.add(new[:30]) == 0:
            best, most = most_valuable_fill(search.sizes, worth, search.wall(0.6) / 3)
            search.bound = max(search.bound, _farley(worth, most))
            if most <= 1 + GAIN or best is None or search.fills.add([best]) == 0:
                return
        if search.proven >= search.count:
            return


def _farley(worth: Floats, most: float) -> float:
    """No packing has fewer bins than all items are worth, where no fill is worth more than `most`."""
    return float(worth.sum()) / max(1.0, most) if math.isfinite(most) else 0.0


def _dive(search: Search) -> None:
    """Packings along the linear program: fix what it wants most, price what is left, again and again."""
    while search.left(0.8) > 0 and search.proven < search.count:
        left = np.ones(len(search.sizes), dtype=np.bool_)
        chosen: list[Ints] = []
        while left.any() and len(chosen) + 1 < search.count:
            wanted = _wanted(search, left)
            if not wanted:
                return
            for position, items in enumerate(wanted):
                if position == 0 or left[items].all():
                    chosen.append(items[left[items]])
                    left[items] = False
        if not left.any():
            search.offer(_bins_of(chosen, len(search.sizes)))


def _wanted(search: Search, left: npt.NDArray[np.bool_]) -> list[Ints]:
    """Fills that the linear program over what is left is sure of, or else takes most of, with some chance."""
    for _ in range(3):
        solved = relaxed(search.fills, left, search.wall(0.8)) if search.left(0.8) > 0 else None
        if solved is None:
            return []
        taken, worth = solved
        if search.fills.add(valuable_fills(search.sizes, worth, search.random, tries=20)[:20]) == 0:
            break
    liked = taken * np.exp(search.random.normal(0.0, 0.1, len(taken)))
    some = max(1, int(0.05 * taken.sum()))
    best = np.argsort(-liked, kind="stable")[: max(some, int((taken > SURE).sum()))].tolist()
    return [search.fills.items(fill) for fill in best]


def _choose_whole(search: Search) -> None:
    """The best packing from known fills alone, in the time that is left."""
    everyone = np.ones(len(search.sizes), dtype=np.bool_)
    fills = whole_fills(search.fills, everyone, search.wall(0.97)) if search.left(0.97) > 0.2 else None
    if fills is not None:
        search.offer(_bins_of(fills, len(search.sizes)))


def _bins_of(fills: list[Ints], count: int) -> Ints:
    """Each item into the first fill that holds it; fills left empty by that are no bins."""
    bins = np.full(count, NOWHERE, dtype=np.int64)
    for fill, items in enumerate(fills):
        free = items[bins[items] == NOWHERE]
        bins[free] = fill
    numbered: Ints = np.unique(bins, return_inverse=True)[1].astype(np.int64)
    return numbered

"""What came of it, region by region: figures now and then, pools to make, who finds no place, moves, cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from placement.engine.sizing import PoolShape
from provisioning.changes.plan import Cost


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a region's pools and single databases. `pools_above`: pools that need more than their size less headroom;
    `hours_above`: pool-hours a week in which one is expected above its whole size."""

    databases: int = 0
    pools: int = 0
    vcores: float = 0.0
    storage_bytes: int = 0
    pools_above: int = 0
    hours_above: float = 0.0


@dataclass(frozen=True, slots=True)
class NewPools:
    """So many pools of one size would be made."""

    shape: PoolShape
    count: int


@dataclass(frozen=True, slots=True)
class Unplaced:
    """So many databases that nothing could hold, and why."""

    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class Moves:
    """What rebalancing by hand would do then: how many moves, GB copied, vCores above the levels before and after them and
    proven unavoidable, and why it does no more."""

    count: int = 0
    copied_gb: float = 0.0
    overage_before: float = 0.0
    overage_after: float = 0.0
    bound: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RegionAnswer:
    """One region. `cost`: a month, now and then; None where a price is unknown."""

    region: str
    now: Figures
    then: Figures
    new_pools: tuple[NewPools, ...]
    unplaced: tuple[Unplaced, ...]
    moves: Moves
    cost: Cost


@dataclass(frozen=True, slots=True)
class Answer:
    """All regions that the question touches, by name."""

    regions: tuple[RegionAnswer, ...] = field(default=())


def new_pools(shapes: Sequence[PoolShape]) -> tuple[NewPools, ...]:
    """Shapes that are alike, counted; the most frequent first."""
    return tuple(NewPools(shape, count) for shape, count in Counter(shapes).most_common())


def unplaced(reasons: Sequence[str]) -> tuple[Unplaced, ...]:
    """Reasons that are alike, counted; the most frequent first."""
    return tuple(Unplaced(count, reason) for reason, count in Counter(reasons).most_common())

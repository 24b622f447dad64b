"""Databases that only somebody supposes, on a terrain: they use and hold room, and stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from placement.engine.load import Loads
from placement.engine.rebalance.relief import Terrain
from placement.engine.settling import Wish


@dataclass(frozen=True, slots=True)
class Guest:
    """A wish, and the position of the pool in which it would stand."""

    wish: Wish
    pool: int


def with_guests(terrain: Terrain, guests: Sequence[Guest]) -> Terrain:
    """The same terrain with more databases at its end."""
    if not guests:
        return terrain
    still = np.zeros(len(guests), dtype=np.bool_)
    return replace(
        terrain,
        loads=_with_loads(terrain.loads, guests),
        pool=np.append(terrain.pool, [guest.pool for guest in guests]).astype(np.int64),
        sizes=np.vstack((terrain.sizes, [_size(guest.wish) for guest in guests])),
        movable=np.append(terrain.movable, still),
        allowed=np.vstack((terrain.allowed, np.repeat(still[:, None], terrain.allowed.shape[1], axis=1))),
        cost=np.append(terrain.cost, np.zeros(len(guests))),
    )


def _with_loads(loads: Loads, guests: Sequence[Guest]) -> Loads:
    """Each of a workspace of its own: nothing is supposed to be alike."""
    first = int(loads.workspace.max(initial=-1)) + 1
    return Loads(
        mean=np.append(loads.mean, [guest.wish.load.mean for guest in guests]),
        variance=np.append(loads.variance, [guest.wish.load.variance for guest in guests]),
        profile=np.vstack((loads.profile, [guest.wish.load.profile for guest in guests])),
        workspace=np.append(loads.workspace, np.arange(first, first + len(guests))).astype(np.int64),
    )


def _size(wish: Wish) -> tuple[float, float, float]:
    return wish.demand.countable_bytes, 1.0, wish.demand.vcores

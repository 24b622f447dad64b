"""How much data a database or a pool holds right now, as its workload has it: the figure that limits are held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulator.arm.call import Call
from simulator.arm.pool_members import members
from simulator.arm.resources import Resource
from simulator.loads import Loads

if TYPE_CHECKING:
    from simulator.arm.arm import Arm

KEPT_SECONDS = 900.0


def used_bytes(call: Call, database: Resource) -> int:
    return stored_bytes_of(call.arm, database, call.now)


def stored_bytes_of(arm: Arm, database: Resource, now: float) -> int:
    return int(_loads(arm, now).stored(database)[0])


def pool_used_bytes(call: Call, pool: Resource) -> int:
    """The sum over the pool's databases, as it was at most a quarter of an hour ago, with what has joined since."""
    known = call.arm.pool_storage.get(pool.key)
    if known is not None and known[0] > call.now:
        return known[1]
    loads = _loads(call.arm, call.now)
    total = int(sum(float(loads.stored(member)[0]) for member in members(call.arm.resources, pool)))
    call.arm.pool_storage[pool.key] = (call.now + KEPT_SECONDS, total)
    return total


def joins_pool(call: Call, pool: Resource, size: int) -> None:
    """So many bytes more, from now on."""
    until, total = call.arm.pool_storage.get(pool.key, (0.0, 0))
    call.arm.pool_storage[pool.key] = (until, total + size)


def _loads(arm: Arm, now: float) -> Loads:
    minutes = np.array([int(now // 60)], dtype=np.int64)
    return Loads(arm.resources, arm.store, seed=arm.load_seed, minutes=minutes)

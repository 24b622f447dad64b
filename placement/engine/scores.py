"""The preferences, one after the other: a later term decides only between pools that the earlier ones rank equal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from placement.engine.constraints import Question
from placement.engine.fleet import Floats, Ints

Term = Callable[[Question], Floats]


def spread_over_pools(asked: Question) -> Floats:
    """Databases of the workspace already in the pool: one pool in trouble should not be all of a customer's trouble."""
    return asked.workspace_counts.in_pool.astype(np.float64)


def spread_over_servers(asked: Question) -> Floats:
    """Databases of the workspace already on the pool's server."""
    return asked.workspace_counts.on_server.astype(np.float64)


def leftover_room(asked: Question) -> Floats:
    """Length of what would stay free (storage and vCores, as shares of the limit): the tightest pool is filled first.

    Room scattered over many pools is too small for a large database, although it has been paid for; kept together it
    stays usable, and a pool that stays empty can be deleted. Headroom, a hard rule, is what keeps full pools calm.
    """
    fleet, demand = asked.fleet, asked.demand
    storage = _share(fleet.committed_bytes + demand.countable_bytes, fleet.storage_limit_bytes)
    vcores = _share(fleet.committed_vcores + demand.vcores, fleet.vcores)
    length: Floats = np.hypot(1.0 - storage, 1.0 - vcores)
    return length


def _share(promised: Floats, limit: Floats | Ints) -> Floats:
    return promised / np.maximum(limit, 1.0)


TERMS: Mapping[str, Term] = MappingProxyType(
    {
        "spread_over_pools": spread_over_pools,
        "spread_over_servers": spread_over_servers,
        "leftover_room": leftover_room,
    }
)

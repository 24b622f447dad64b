"""The preferences, one after the other: a later term decides only between pools that the earlier ones rank equal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from placement.engine.constraints import Question
from placement.engine.fleet import Floats, Ints

Term = Callable[[Question, Ints], Floats]
"""The scores of the pools at these positions, in their order; lower is better."""


def spread_over_pools(asked: Question, pools: Ints) -> Floats:
    """Databases of the workspace already in the pool: one pool in trouble should not be all of a customer's trouble."""
    return asked.workspace_counts.in_pool[pools].astype(np.float64)


def spread_over_servers(asked: Question, pools: Ints) -> Floats:
    """Databases of the workspace already on the pool's server."""
    return asked.workspace_counts.on_server[pools].astype(np.float64)


def matching_room(asked: Question, pools: Ints) -> Floats:
    """How far the pool's free storage and vCores are from the proportion asked, in fifths of the way from 0 to 1.

    A database that needs much storage and little compute goes where much storage and little compute is free: otherwise
    one of the two runs out and strands the other. Coarse, so that a hair's difference does not outweigh what follows.
    """
    (free_storage, storage), (free_vcores, vcores) = _storage_shares(asked, pools), _vcores_shares(asked, pools)
    lengths = np.sqrt((free_storage**2 + free_vcores**2) * (storage**2 + vcores**2))
    cosine = (free_storage * storage + free_vcores * vcores) / np.maximum(lengths, SMALL)
    fifths: Floats = np.rint((1.0 - cosine) * 5.0)
    return fifths


def leftover_room(asked: Question, pools: Ints) -> Floats:
    """What would stay free: the squares of the shares of storage and vCores, summed. The tightest pool is filled first.

    Room scattered over many pools is too small for a large database, although it has been paid for; kept together it
    stays usable, and a pool that stays empty can be deleted. Headroom, a hard rule, is what keeps full pools calm.
    """
    (free_storage, storage), (free_vcores, vcores) = _storage_shares(asked, pools), _vcores_shares(asked, pools)
    left: Floats = (free_storage - storage) ** 2 + (free_vcores - vcores) ** 2
    return left


SMALL = 1e-12
"""Stands for nothing where something is divided by it."""


def _storage_shares(asked: Question, pools: Ints) -> tuple[Floats, Floats]:
    """Free and asked, as shares of each pool's limit."""
    limit = np.maximum(asked.fleet.storage_limit_bytes[pools], 1.0)
    return 1.0 - asked.fleet.committed_bytes[pools] / limit, asked.demand.countable_bytes / limit


def _vcores_shares(asked: Question, pools: Ints) -> tuple[Floats, Floats]:
    """Free and asked, as shares of each pool's limit; as measured where it is known."""
    limit = np.maximum(asked.fleet.vcores[pools], SMALL)
    then = (asked.vcores_then[pools] - asked.vcores_now[pools]) / limit
    return 1.0 - asked.vcores_now[pools] / limit, then


TERMS: Mapping[str, Term] = MappingProxyType(
    {
        "spread_over_pools": spread_over_pools,
        "spread_over_servers": spread_over_servers,
        "matching_room": matching_room,
        "leftover_room": leftover_room,
    }
)

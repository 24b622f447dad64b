"""Compiled: up to three databases moving in one go, each to where the next leaves; done only if it is worth it."""

from __future__ import annotations

import numpy as np

from placement.engine.compiled import compiled, inlined
from placement.engine.rebalance.moves import put, recost
from placement.engine.rebalance.rules import (
    NO_ROOM,
    NOBODY,
    broken_rules,
    may_enter,
    pool_cost,
    road_change,
    rules_change,
    value_of,
)
from placement.engine.rebalance.state import Fixed, State

Chain = tuple[int, int, int]
"""Databases in order, or the pools that they go to; NOBODY where the chain is shorter."""


@inlined
def _length(chain: Chain) -> int:
    return 1 if chain[1] < 0 else (2 if chain[2] < 0 else 3)


@inlined
def chain_change(fixed: Fixed, state: State, chain: Chain, ends: Chain) -> np.int64:
    """By how much load, balance and roads would change; NO_ROOM where a pool would not take its newcomer.

    `chain[i]` goes to `ends[i]`, where `chain[i + 1]` leaves; the last may end where the first began.
    """
    first_pool, count, change = state.pool[chain[0]], _length(chain), np.int64(0)
    round_trip = ends[count - 1] == first_pool
    for link in range(count if not round_trip else count - 1):
        goes = chain[link + 1] if link < count - 1 else NOBODY
        cost = pool_cost(fixed, state, ends[link], chain[link], goes)
        if cost == NO_ROOM:
            return NO_ROOM
        change += cost - state.cost[ends[link]]
    cost = pool_cost(fixed, state, first_pool, chain[count - 1] if round_trip else NOBODY, chain[0])
    if cost == NO_ROOM:
        return NO_ROOM
    for link in range(count):
        change += road_change(fixed, state, chain[link], ends[link])
    total: np.int64 = change + cost - state.cost[first_pool]
    return total


@inlined
def all_may_enter(fixed: Fixed, state: State, chain: Chain, ends: Chain) -> bool:
    """Whether every pool accepts its newcomer, the one who leaves it left aside."""
    count = _length(chain)
    for link in range(count):
        goes = chain[link + 1] if link < count - 1 else chain[0]
        if not may_enter(fixed, state, chain[link], ends[link], goes):
            return False
    return True


@inlined
def do_if_worth(fixed: Fixed, state: State, chain: Chain, ends: Chain, bar: tuple[float, float]) -> bool:
    """Do the chain if value and penalties for broken rules rise by a limit at most; else leave all as it was.

    `bar` is that limit and the price of a broken rule. Each link's rules are first weighed alone, which is cheap, and a
    chain that looks good is then counted for true.
    """
    limit, penalty = bar
    change = float(chain_change(fixed, state, chain, ends))
    hope = limit + 3 * fixed.weights[1]
    if change == NO_ROOM or change > hope + penalty * broken_rules(state):
        return False
    for link in range(_length(chain)):
        change += penalty * rules_change(fixed, state, chain[link], ends[link])
    if change > hope or not all_may_enter(fixed, state, chain, ends):
        return False
    before = value_of(fixed, state) + penalty * broken_rules(state)
    origins = (state.pool[chain[0]], state.pool[chain[1]], state.pool[chain[2]])
    _put_all(fixed, state, chain, ends, origins)
    if value_of(fixed, state) + penalty * broken_rules(state) - before <= limit:
        return True
    _put_all(fixed, state, chain, origins, ends)
    return False


@compiled
def _put_all(fixed: Fixed, state: State, chain: Chain, ends: Chain, origins: Chain) -> None:
    count = _length(chain)
    for link in range(count):
        put(fixed, state, chain[link], ends[link])
    for link in range(count):
        recost(fixed, state, origins[link])
        recost(fixed, state, ends[link])

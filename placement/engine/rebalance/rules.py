"""Compiled: what a pool costs, what a move costs, and which rules it breaks."""

from __future__ import annotations

import numpy as np

from placement.engine.compiled import compiled, inlined
from placement.engine.rebalance.state import (
    DATABASE_MOVES,
    LOAD,
    MISSING_GROUPS,
    MISSING_SITES,
    MOST_OF_A_GROUP,
    ROADS,
    Fixed,
    State,
)

NOBODY = -1
NO_ROOM = np.int64(2**61)
"""The cost of a pool that would be over its limit."""


@inlined
def pool_cost(fixed: Fixed, state: State, pool: int, comes: int, goes: int) -> np.int64:
    """Load above the safe level and balance, once one has come and one gone; NO_ROOM if that is over the limit.

    A pool over its limit may still let databases go.
    """
    cost = np.int64(0)
    returns = comes >= 0 and fixed.home[comes] == pool
    leaves = goes >= 0 and fixed.home[goes] == pool
    for resource in range(fixed.capacity.shape[1]):
        coming = fixed.needs[comes, resource] if comes >= 0 else 0
        going = fixed.needs[goes, resource] if goes >= 0 else 0
        used = state.used[pool, resource] + coming - going
        taken = used + state.away[pool, resource]
        if fixed.held[resource]:
            taken += (going if leaves else 0) - (coming if returns else 0)
        if taken > fixed.capacity[pool, resource] and comes >= 0:
            return NO_ROOM
        if used > fixed.safe[pool, resource]:
            cost += fixed.load_weight[resource] * (used - fixed.safe[pool, resource])
    return cost + _imbalance(fixed, state, pool, comes, goes)


@inlined
def _imbalance(fixed: Fixed, state: State, pool: int, comes: int, goes: int) -> np.int64:
    cost = np.int64(0)
    for rule in range(len(fixed.balances)):
        first, second = fixed.balances[rule, 0], fixed.balances[rule, 1]
        free_first = fixed.capacity[pool, first] - state.used[pool, first]
        free_second = fixed.capacity[pool, second] - state.used[pool, second]
        if comes >= 0:
            free_first -= fixed.needs[comes, first]
            free_second -= fixed.needs[comes, second]
        if goes >= 0:
            free_first += fixed.needs[goes, first]
            free_second += fixed.needs[goes, second]
        missing = fixed.balances[rule, 2] * free_first - free_second
        cost += fixed.balances[rule, 3] * max(missing, np.int64(0))
    return cost


@inlined
def may_enter(fixed: Fixed, state: State, database: int, pool: int, goes: int) -> bool:
    """Whether the pool is open, of a kind that accepts it, and free of its group, one who goes left aside."""
    if fixed.closed[pool] and fixed.home[database] != pool:
        return False
    if not fixed.accepts[fixed.kind[database], fixed.pool_kind[pool]]:
        return False
    group = fixed.group[database]
    for position in range(fixed.members_at[group], fixed.members_at[group + 1]):
        other = fixed.members[position]
        if state.pool[other] == pool and other not in (database, goes):
            return False
    return True


@inlined
def road_change(fixed: Fixed, state: State, database: int, pool: int) -> np.int64:
    """By how much moving costs change, the group's share left aside."""
    home, now = fixed.home[database], state.pool[database]
    port = fixed.port[home]
    change: np.int64 = fixed.weights[2] * (fixed.road[port, fixed.port[pool]] - fixed.road[port, fixed.port[now]])
    if now == home:
        change += fixed.weights[0] * fixed.move_cost[database]
    elif pool == home:
        change -= fixed.weights[0] * fixed.move_cost[database]
    return change


@inlined
def value_of(fixed: Fixed, state: State) -> np.int64:
    """What is to be made small."""
    moving: np.int64 = fixed.weights[0] * state.sums[DATABASE_MOVES] + fixed.weights[1] * state.sums[MOST_OF_A_GROUP]
    value: np.int64 = state.sums[LOAD] + moving + fixed.weights[2] * state.sums[ROADS]
    return value


@inlined
def broken_rules(state: State) -> np.int64:
    """Groups missing in a zone where another needs them, and sites missing for groups that must spread."""
    broken: np.int64 = state.sums[MISSING_GROUPS] + state.sums[MISSING_SITES]
    return broken


@compiled
def missing_if_present(fixed: Fixed, state: State, group: int, zone: int) -> np.int64:
    """By how much more is missing when the group stands in a zone than when it does not."""
    missing = np.int64(0)
    for position in range(fixed.needed_at[group], fixed.needed_at[group + 1]):
        if state.in_zone[fixed.zone_row[fixed.needed[position]], zone] == 0:
            missing += 1
    for position in range(fixed.needing_at[group], fixed.needing_at[group + 1]):
        if state.in_zone[fixed.zone_row[fixed.needing[position]], zone] > 0:
            missing -= 1
    return missing


@inlined
def rules_change(fixed: Fixed, state: State, database: int, pool: int) -> np.int64:
    """By how much more rules would be broken if this one alone moved."""
    group, now, change = fixed.group[database], state.pool[database], np.int64(0)
    row, before, after = fixed.zone_row[group], fixed.zone[now], fixed.zone[pool]
    if row >= 0 and before != after:
        if state.in_zone[row, before] == 1:
            change -= missing_if_present(fixed, state, group, before)
        if state.in_zone[row, after] == 0:
            change += missing_if_present(fixed, state, group, after)
    row, before, after = fixed.site_row[group], fixed.site[now], fixed.site[pool]
    if row >= 0 and before != after:
        used, wanted = state.sites_used[row], fixed.sites[group]
        left = used - (state.in_site[row, before] == 1) + (state.in_site[row, after] == 0)
        change += max(wanted - left, 0) - max(wanted - used, 0)
    return change

"""Compiled: putting a database elsewhere, with every sum kept right, and moving up to three in one go."""

from __future__ import annotations

from placement.engine.compiled import compiled
from placement.engine.rebalance.rules import (
    NOBODY,
    missing_if_present,
    pool_cost,
)
from placement.engine.rebalance.state import (
    AWAY,
    DATABASE_MOVES,
    LOAD,
    MISSING_GROUPS,
    MISSING_SITES,
    MOST_OF_A_GROUP,
    ROADS,
    Fixed,
    State,
)


@compiled
def put(fixed: Fixed, state: State, database: int, pool: int) -> None:
    """Move one database; everything but the pools' costs follows."""
    now, home = state.pool[database], fixed.home[database]
    _leave_zone(fixed, state, database, now, pool)
    _leave_site(fixed, state, database, now, pool)
    for resource in range(fixed.capacity.shape[1]):
        need = fixed.needs[database, resource]
        state.used[now, resource] -= need
        state.used[pool, resource] += need
        if fixed.held[resource]:
            if now == home:
                state.away[now, resource] += need
            if pool == home:
                state.away[pool, resource] -= need
    port = fixed.port[home]
    state.sums[ROADS] += fixed.road[port, fixed.port[pool]] - fixed.road[port, fixed.port[now]]
    state.pool[database] = pool
    _list_inside(state, database, now, pool)
    if now == home:
        _count_away(fixed, state, database)
    if pool == home:
        _count_home(fixed, state, database)


@compiled
def _leave_zone(fixed: Fixed, state: State, database: int, now: int, pool: int) -> None:
    group, before, after = fixed.group[database], fixed.zone[now], fixed.zone[pool]
    row = fixed.zone_row[group]
    if row < 0 or before == after:
        return
    state.in_zone[row, before] -= 1
    if state.in_zone[row, before] == 0:
        state.sums[MISSING_GROUPS] -= missing_if_present(fixed, state, group, before)
    if state.in_zone[row, after] == 0:
        state.sums[MISSING_GROUPS] += missing_if_present(fixed, state, group, after)
    state.in_zone[row, after] += 1


@compiled
def _leave_site(fixed: Fixed, state: State, database: int, now: int, pool: int) -> None:
    group, before, after = fixed.group[database], fixed.site[now], fixed.site[pool]
    row = fixed.site_row[group]
    if row < 0 or before == after:
        return
    wanted = fixed.sites[group]
    state.sums[MISSING_SITES] -= max(wanted - state.sites_used[row], 0)
    state.in_site[row, before] -= 1
    state.sites_used[row] -= state.in_site[row, before] == 0
    state.sites_used[row] += state.in_site[row, after] == 0
    state.in_site[row, after] += 1
    state.sums[MISSING_SITES] += max(wanted - state.sites_used[row], 0)


@compiled
def _list_inside(state: State, database: int, now: int, pool: int) -> None:
    place = state.inside_at[database]
    if place >= 0:
        state.inside_count[now] -= 1
        last = state.inside[now, state.inside_count[now]]
        state.inside[now, place] = last
        state.inside_at[last] = place
    free = state.inside_count[pool]
    if free < state.inside.shape[1]:
        state.inside[pool, free] = database
        state.inside_at[database] = free
        state.inside_count[pool] += 1
    else:
        state.inside_at[database] = -1


@compiled
def _count_away(fixed: Fixed, state: State, database: int) -> None:
    group = fixed.group[database]
    count = state.moved[group] + 1
    state.moved[group] = count
    state.groups_with[count - 1] -= 1
    state.groups_with[count] += 1
    state.sums[MOST_OF_A_GROUP] = max(state.sums[MOST_OF_A_GROUP], count)
    state.sums[DATABASE_MOVES] += fixed.move_cost[database]
    state.gone[state.sums[AWAY]] = database
    state.gone_at[database] = state.sums[AWAY]
    state.sums[AWAY] += 1


@compiled
def _count_home(fixed: Fixed, state: State, database: int) -> None:
    group = fixed.group[database]
    count = state.moved[group] - 1
    state.moved[group] = count
    state.groups_with[count + 1] -= 1
    state.groups_with[count] += 1
    if state.groups_with[state.sums[MOST_OF_A_GROUP]] == 0:
        state.sums[MOST_OF_A_GROUP] -= 1
    state.sums[DATABASE_MOVES] -= fixed.move_cost[database]
    state.sums[AWAY] -= 1
    last, place = state.gone[state.sums[AWAY]], state.gone_at[database]
    state.gone[place] = last
    state.gone_at[last] = place


@compiled
def recost(fixed: Fixed, state: State, pool: int) -> None:
    """Bring a pool's cost up to date."""
    cost = pool_cost(fixed, state, pool, NOBODY, NOBODY)
    state.sums[LOAD] += cost - state.cost[pool]
    state.cost[pool] = cost

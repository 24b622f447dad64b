"""Small rebalancing problems, drawn by hypothesis or built plainly, and a judge that shares no code with the search."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import strategies as st

from placement.engine.rebalance.problem import Balance, Costs, Databases, Groups, Pools, Problem


def whole(values: object) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def a_problem(
    *,
    needs: list[list[int]],
    pool: list[int],
    capacity: list[list[int]],
    safe: list[list[int]] | None = None,
    group: list[int] | None = None,
    zone: list[int] | None = None,
    site: list[int] | None = None,
    sites: list[int] | None = None,
    needed: dict[int, tuple[int, ...]] | None = None,
    held: list[bool] | None = None,
    pinned: list[int] = [],  # noqa: B006
    closed: list[int] = [],  # noqa: B006
    move_cost: int = 1,
    balances: tuple[Balance, ...] = (),
) -> Problem:
    """Databases of one kind; a group each, half of every limit safe and one zone unless said otherwise."""
    count, pools, width = len(needs), len(capacity), len(capacity[0]) if capacity else 1
    group = group if group is not None else list(range(count))
    groups, limits = max(group, default=-1) + 1, whole(capacity).reshape(pools, width)
    zeros, places = np.zeros(count, dtype=np.int64), np.arange(pools, dtype=np.int64)
    pinned_rows, costly = np.isin(np.arange(count), pinned), zeros + move_cost
    return Problem(
        Databases(whole(needs).reshape(count, width), whole(group), costly, whole(pool), zeros, pinned_rows),
        Pools(
            *(limits, whole(safe).reshape(pools, width) if safe else limits // 2),
            *(whole(zone or [0] * pools), whole(site or [0] * pools)),
            *(places * 0, places, np.isin(places, closed)),
        ),
        Groups(whole(sites or [0] * groups), tuple((needed or {}).get(one, ()) for one in range(groups))),
        some_costs(pools, np.array(held or [False] * width, dtype=np.bool_), balances),
    )


def some_costs(pools: int, held: np.ndarray, balances: tuple[Balance, ...]) -> Costs:
    """A unit of load costs 10; a move costs 1 for the database, 2 in the group that moves most, 3 for the road."""
    return Costs(
        load_weight=np.full(len(held), 10, dtype=np.int64),
        held=held,
        road=1 - np.eye(max(pools, 1), dtype=np.int64),
        balances=balances,
        database_weight=1,
        group_weight=2,
        road_weight=3,
    )


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Up to 14 databases in up to 5 pools, two resources, one held at both ends, with groups, zones, sites and needs."""
    pools, count = draw(st.integers(2, 5)), draw(st.integers(1, 14))
    needs = draw(st.lists(st.lists(st.integers(0, 9), min_size=2, max_size=2), min_size=count, max_size=count))
    wanted = draw(st.lists(st.tuples(st.integers(0, 5), st.integers(0, pools - 1)), min_size=count, max_size=count))
    kept = [row for row, where in enumerate(wanted) if where not in wanted[:row]]  # two of a group never share a pool
    used = np.zeros((pools, 2), dtype=np.int64)
    for row in kept:
        used[wanted[row][1]] += needs[row]
    spare = draw(st.lists(st.lists(st.integers(0, 12), min_size=2, max_size=2), min_size=pools, max_size=pools))
    group = [wanted[row][0] for row in kept]
    small = st.integers(0, 2)
    return a_problem(
        needs=[needs[row] for row in kept],
        pool=[wanted[row][1] for row in kept],
        group=group,
        capacity=(used + whole(spare)).tolist(),
        zone=draw(st.lists(small, min_size=pools, max_size=pools)),
        site=draw(st.lists(small, min_size=pools, max_size=pools)),
        sites=draw(st.lists(small, min_size=6, max_size=6))[: max(group) + 1],
        needed=draw(st.dictionaries(st.integers(0, 5), st.sampled_from([(), (0,)]), max_size=2)) if 0 in group else {},
        held=[True, False],
        balances=draw(st.sampled_from([(), (Balance(0, 1, 2, 10),)])),
    )


def worth(problem: Problem, pool: np.ndarray) -> int:
    """The value, counted plainly."""
    used, costs, total = used_of(problem, pool), problem.costs, 0
    for place in range(len(used)):
        for resource, amount in enumerate(used[place]):
            total += int(costs.load_weight[resource]) * max(0, int(amount - problem.pools.safe[place][resource]))
        free = problem.pools.capacity[place] - used[place]
        for rule in costs.balances:
            total += rule.weight * max(0, rule.wanted * int(free[rule.first]) - int(free[rule.second]))
    moved: Counter[int] = Counter()
    for row, (before, after) in enumerate(zip(problem.databases.pool, pool, strict=True)):
        total += costs.road_weight * int(costs.road[problem.pools.port[before], problem.pools.port[after]])
        if before != after:
            total += costs.database_weight * int(problem.databases.move_cost[row])
            moved[int(problem.databases.group[row])] += 1
    return total + costs.group_weight * max(moved.values(), default=0)


def used_of(problem: Problem, pool: np.ndarray) -> np.ndarray:
    used = np.zeros_like(problem.pools.capacity)
    for row, place in enumerate(pool):
        used[place] += problem.databases.needs[row]
    return used


def over_limits(problem: Problem, pool: np.ndarray, *, held_at_home: bool) -> bool:
    """Whether a pool is over its limit, those who left counted at home too where the resource is held."""
    used = used_of(problem, pool)
    for row, (before, after) in enumerate(zip(problem.databases.pool, pool, strict=True)):
        if before != after and held_at_home:
            used[before] += problem.databases.needs[row] * problem.costs.held
    return bool((used > problem.pools.capacity).any())


def together(problem: Problem, pool: np.ndarray) -> bool:
    """Whether two of one group share a pool."""
    return len(set(zip(problem.databases.group.tolist(), pool.tolist(), strict=True))) < len(pool)


def broken(problem: Problem, pool: np.ndarray) -> int:
    """Groups missing in zones and sites missing for groups."""
    places: dict[int, list[int]] = {}
    for group, place in zip(problem.databases.group.tolist(), pool.tolist(), strict=True):
        places.setdefault(group, []).append(place)
    zones = {group: {int(problem.pools.zone[place]) for place in where} for group, where in places.items()}
    missing = 0
    for group, where in places.items():
        sites = {int(problem.pools.site[place]) for place in where}
        missing += max(0, int(problem.groups.sites[group]) - len(sites))
        for other in set(problem.groups.needed[group]) - {group}:
            missing += len(zones[group] - zones.get(other, set()))
    return missing

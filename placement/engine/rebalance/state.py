"""The search's memory: what stays fixed, what moves, and how a Problem becomes both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from placement.engine.rebalance.problem import Ints, Mask, Problem

Array = npt.NDArray[Any]
LOAD, DATABASE_MOVES, ROADS, MOST_OF_A_GROUP, MISSING_GROUPS, MISSING_SITES, AWAY = range(7)
"""Positions in `State.sums`: cost of load and balance; costs of moves; rules broken; how many are away from home."""
LISTED = 20_000_000
"""Places in the table of who is in each pool, at most: 160 MB."""


class Fixed(NamedTuple):
    """A Problem as flat arrays. Lists of lists are one array and one of where each begins (`…_at`)."""

    needs: Array
    group: Array
    move_cost: Array
    home: Array
    kind: Array
    movable: Array
    by_size: Array
    size_rank: Array
    capacity: Array
    safe: Array
    zone: Array
    site: Array
    pool_kind: Array
    port: Array
    closed: Array
    sites: Array
    zone_row: Array
    site_row: Array
    members: Array
    members_at: Array
    needed: Array
    needed_at: Array
    needing: Array
    needing_at: Array
    load_weight: Array
    held: Array
    road: Array
    balances: Array
    weights: Array
    accepts: Array


class State(NamedTuple):
    """Where every database is, and all sums that follow from it. `away` is held at home by those who left."""

    pool: Array
    used: Array
    away: Array
    cost: Array
    in_zone: Array
    in_site: Array
    sites_used: Array
    moved: Array
    groups_with: Array
    sums: Array
    inside: Array
    inside_at: Array
    inside_count: Array
    gone: Array
    gone_at: Array
    random: Array


class Best(NamedTuple):
    """The best places seen. `marks`: their value, rules broken, and how many of `touched` differ since."""

    pool: Array
    touched: Array
    marks: Array


def fixed_of(problem: Problem) -> Fixed:
    """The arrays that never change during a search."""
    databases, pools, groups, costs = problem.databases, problem.pools, problem.groups, problem.costs
    members, members_at = _members(databases.group, len(groups.sites))
    needed = [sorted(set(others) - {group}) for group, others in enumerate(groups.needed)]
    needing: list[list[int]] = [[] for _ in needed]
    for group, others in enumerate(needed):
        for other in others:
            needing[other].append(group)
    tied = np.array([bool(needed[group] or needing[group]) for group in range(len(needed))], dtype=np.bool_)
    balances = [(rule.first, rule.second, rule.wanted, rule.weight) for rule in costs.balances]
    weights = (costs.database_weight, costs.group_weight, costs.road_weight)
    return Fixed(
        *(databases.needs, databases.group, databases.move_cost, databases.pool, databases.kind),
        np.flatnonzero(~databases.pinned),
        *_by_size(problem),
        *(pools.capacity, pools.safe, pools.zone, pools.site, pools.kind, pools.port, pools.closed),
        *(groups.sites, _rows(tied), _rows(groups.sites > 1)),
        *(members, members_at, *_flat(needed), *_flat(needing)),
        *(costs.load_weight, costs.held, costs.road),
        np.array(balances, dtype=np.int64).reshape(-1, 4),
        np.array(weights, dtype=np.int64),
        problem.accepts,
    )


def state_of(fixed: Fixed, pool: Ints, *, seed: int) -> State:
    """All sums for these places, counted from nothing; the pools' costs are filled in by the search."""
    count, (pools, resources), groups = len(pool), fixed.capacity.shape, len(fixed.sites)
    moved = pool != fixed.home
    used, away = np.zeros((2, pools, resources), dtype=np.int64)
    np.add.at(used, pool, fixed.needs)
    np.add.at(away, fixed.home[moved], fixed.needs[moved] * fixed.held)
    in_zone = _counts(fixed.zone_row[fixed.group], fixed.zone[pool], _width(fixed.zone_row), _width(fixed.zone))
    in_site = _counts(fixed.site_row[fixed.group], fixed.site[pool], _width(fixed.site_row), _width(fixed.site))
    moved_of_group = np.bincount(fixed.group[moved], minlength=groups)
    sums = np.zeros(7, dtype=np.int64)
    sums[DATABASE_MOVES] = fixed.move_cost[moved].sum()
    sums[ROADS] = fixed.road[fixed.port[fixed.home], fixed.port[pool]].sum()
    sums[MOST_OF_A_GROUP] = moved_of_group.max(initial=0)
    sums[MISSING_GROUPS], sums[MISSING_SITES] = _missing_groups(fixed, in_zone), _missing_sites(fixed, in_site)
    sums[AWAY] = moved.sum()
    return State(
        *(pool.copy(), used, away, np.zeros(pools, dtype=np.int64), in_zone, in_site, (in_site > 0).sum(axis=1)),
        *(moved_of_group, np.bincount(moved_of_group, minlength=count + 2), sums),
        *_inside(pool, pools),
        *_gone(moved),
        np.array([_scrambled(seed)], dtype=np.uint64),
    )


def _by_size(problem: Problem) -> tuple[Ints, Ints]:
    """Movable databases from small to large, as shares of all that pools offer, and where in that list each belongs."""
    offered = np.maximum(problem.pools.capacity.sum(axis=0), 1)
    size = (problem.databases.needs / offered).sum(axis=1)
    movable = np.flatnonzero(~problem.databases.pinned)
    by_size = movable[np.argsort(size[movable], kind="stable")]
    return by_size, np.searchsorted(size[by_size], size)


def _members(group: Ints, groups: int) -> tuple[Ints, Ints]:
    """Databases sorted by group, and where each group begins and ends."""
    starts = np.zeros(groups + 1, dtype=np.int64)
    starts[1:] = np.cumsum(np.bincount(group, minlength=groups))
    return np.argsort(group, kind="stable"), starts


def _flat(lists: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    """One array of all, and one of where each list begins and ends."""
    starts = np.zeros(len(lists) + 1, dtype=np.int64)
    starts[1:] = np.cumsum([len(one) for one in lists])
    flat: Iterable[int] = (value for one in lists for value in one)
    return np.fromiter(flat, dtype=np.int64, count=int(starts[-1])), starts


def _rows(kept: Mask) -> Ints:
    """Row numbers for those kept, so that tables are as small as they can be; -1 for the others."""
    return np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int64)


def _width(positions: Ints) -> int:
    return int(positions.max(initial=-1)) + 1


def _counts(rows: Ints, columns: Ints, height: int, width: int) -> Ints:
    table = np.zeros((height, width), dtype=np.int64)
    kept = rows >= 0
    np.add.at(table, (rows[kept], columns[kept]), 1)
    return table


def _missing_groups(fixed: Fixed, in_zone: Ints) -> int:
    """For every group and every zone it stands in: the groups it needs there and that are not."""
    missing = 0
    for group in np.flatnonzero(np.diff(fixed.needed_at)).tolist():
        needed = fixed.needed[fixed.needed_at[group] : fixed.needed_at[group + 1]]
        zones = in_zone[fixed.zone_row[group]] > 0
        missing += int((in_zone[fixed.zone_row[needed]][:, zones] == 0).sum())
    return missing


def _missing_sites(fixed: Fixed, in_site: Ints) -> int:
    """Sites that groups should stand in beyond those they do; a group without databases misses nothing."""
    short = fixed.sites[fixed.site_row >= 0] - (in_site > 0).sum(axis=1)
    return int(np.maximum(short, 0)[in_site.sum(axis=1) > 0].sum())


def _inside(pool: Ints, pools: int) -> tuple[Ints, Ints, Ints]:
    """Who is in each pool: a row of places a pool with room to grow, each database's place in it, and how many.

    A crowd beyond LISTED places is not listed (place -1): the search then never picks from it by pool.
    """
    count = np.bincount(pool, minlength=pools)
    order = np.argsort(pool, kind="stable")
    place = np.empty(len(pool), dtype=np.int64)
    place[order] = np.arange(len(pool)) - np.repeat(np.cumsum(count) - count, count)
    room = min(len(pool), 4 * int(count.max(initial=0)) + 64, max(64, LISTED // max(pools, 1)))
    inside = np.zeros((pools, room), dtype=np.int64)
    listed = place < room
    inside[pool[listed], place[listed]] = np.flatnonzero(listed)
    return inside, np.where(listed, place, -1), np.minimum(count, room)


def _gone(moved: Mask) -> tuple[Ints, Ints]:
    """Who is away from home, the first `sums[AWAY]` of them, and each one's place in that list."""
    gone, place = np.zeros((2, len(moved) + 1), dtype=np.int64)
    who = np.flatnonzero(moved)
    gone[: len(who)] = who
    place[who] = np.arange(len(who))
    return gone, place


def _scrambled(seed: int) -> int:
    """A start for the generator that is never 0, and far from that of the next seed."""
    return (seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64 | 1

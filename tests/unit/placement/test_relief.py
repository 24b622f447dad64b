"""Relief: no part of a plan breaks a limit, the order of rows does not matter, bounds hold, and every case has an answer."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.engine.load import Loads
from placement.engine.rebalance.relief import (
    FAIR_SHARE,
    NOTHING_MOVES,
    NOWHERE,
    OVER_BUDGET,
    Terrain,
    fewest_moves,
    goals,
    least_overage,
    relieve,
)
from placement.engine.usage import HOURS, Risk, together

EXAMPLES = settings(max_examples=60, deadline=None)
RISK = Risk(z=3.0, correlation=0.5)


def a_terrain(vcores: list[float], pool: list[int], *, level: list[float], **other: object) -> Terrain:
    """Flat loads without deviations unless said otherwise; sizes that fit anywhere."""
    count, pools = len(vcores), len(level)
    profile = np.repeat(np.array(vcores, dtype=np.float64).reshape(-1, 1), HOURS, axis=1).reshape(count, HOURS)
    loads = Loads(np.array(vcores, dtype=np.float64), np.zeros(count), profile, np.arange(count))
    given_parts = {
        "loads": loads,
        "pool": np.array(pool, dtype=np.int64),
        "sizes": np.ones((count, 1)),
        "limits": np.full((pools, 1), 99.0),
        "level": np.array(level, dtype=np.float64),
        "relieve": np.ones(pools, dtype=np.bool_),
        "closed": np.zeros(pools, dtype=np.bool_),
        "movable": np.ones(count, dtype=np.bool_),
        "allowed": np.ones((count, pools), dtype=np.bool_),
        "cost": np.ones(count),
        "risk": RISK,
    }
    return Terrain(**{**given_parts, **other})


@st.composite
def terrains(draw: st.DrawFn) -> Terrain:
    count, pools = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    dice = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    profile = dice.gamma(1.0, 1.0, (count, 1)) * dice.uniform(0.5, 1.5, (count, HOURS))
    variance = dice.gamma(1.0, 0.05, count) * draw(st.sampled_from([0.0, 1.0]))
    pool = dice.integers(0, pools, count)
    sizes = dice.integers(1, 9, (count, 2)).astype(np.float64)
    used = np.zeros((pools, 2))
    np.add.at(used, pool, sizes)
    return a_terrain(
        [1.0] * count,
        pool.tolist(),
        level=dice.uniform(1.0, 6.0, pools).tolist(),
        loads=Loads(profile.mean(axis=1), variance, profile, dice.integers(0, 4, count)),
        sizes=sizes,
        limits=used + dice.integers(0, 15, (pools, 2)),
        relieve=dice.random(pools) < 0.9,
        closed=dice.random(pools) < 0.1,
        movable=dice.random(count) < 0.9,
        allowed=dice.random((count, pools)) < 0.9,
        cost=dice.uniform(1, 100, count),
    )


def needs(terrain: Terrain, pool: np.ndarray) -> np.ndarray:
    return together(terrain.loads, pool, pools=len(terrain.level), risk=terrain.risk).peaks(terrain.risk)


def overage(terrain: Terrain, pool: np.ndarray) -> float:
    return float(np.maximum(needs(terrain, pool) - terrain.level, 0).sum())


@EXAMPLES
@given(terrain=terrains(), dice=st.randoms(use_true_random=False))
def test_any_part_of_a_plan_in_any_order_breaks_no_limit_with_both_ends_counted(terrain: Terrain, dice):
    found = relieve(terrain, most_moves=50)
    steps = list(found.steps)
    part = [step for step in steps if dice.random() < 0.7]
    dice.shuffle(part)
    before, place = needs(terrain, terrain.pool), terrain.pool.copy()
    used = np.zeros_like(terrain.limits)
    np.add.at(used, terrain.pool, terrain.sizes)
    for step in part:
        assert place[step.database] == step.source
        assert terrain.relieve[step.source]
        assert terrain.movable[step.database]
        assert terrain.allowed[step.database, step.target]
        assert not terrain.closed[step.target]
        used[step.target] += terrain.sizes[step.database]  # the source is still held
        assert (used[step.target] <= terrain.limits[step.target] + 1e-9).all()
        place[step.database] = step.target
        allowed = np.maximum(np.maximum(before, found.after), terrain.level)
        assert (needs(terrain, place) <= allowed + 1e-6).all()


@EXAMPLES
@given(terrain=terrains())
def test_each_move_is_good_by_itself_and_says_what_it_brings(terrain: Terrain):
    found, place, goal = relieve(terrain, most_moves=50), terrain.pool.copy(), goals(terrain)
    for step in found.steps:
        before = np.maximum(needs(terrain, place) - goal, 0).sum()
        place[step.database] = step.target
        now = needs(terrain, place)
        assert before - np.maximum(now - goal, 0).sum() == pytest.approx(step.gain, abs=1e-6)
        assert step.gain > 0
        assert (now[step.source], now[step.target]) == pytest.approx((step.source_after, step.target_after), abs=1e-6)
    assert (place == found.pool).all()
    assert found.overage_after == pytest.approx(overage(terrain, place), abs=1e-6)
    stay = np.flatnonzero(terrain.relieve & (found.after > terrain.level + 1e-5)).tolist()
    assert [pool for pool, _ in found.reasons] == stay


@EXAMPLES
@given(terrain=terrains(), dice=st.randoms(use_true_random=False))
def test_the_order_of_databases_does_not_matter(terrain: Terrain, dice):
    order = list(range(len(terrain.pool)))
    dice.shuffle(order)
    loads = terrain.loads
    other = replace(
        terrain,
        loads=Loads(loads.mean[order], loads.variance[order], loads.profile[order], loads.workspace[order]),
        pool=terrain.pool[order],
        sizes=terrain.sizes[order],
        movable=terrain.movable[order],
        allowed=terrain.allowed[order],
        cost=terrain.cost[order],
    )
    one, two = relieve(terrain, most_moves=50), relieve(other, most_moves=50)
    assert [(order[step.database], step.target) for step in two.steps] == [
        (step.database, step.target) for step in one.steps
    ]


@settings(max_examples=40, deadline=None)
@given(terrain=terrains())
def test_no_placing_whatever_goes_below_the_bounds(terrain: Terrain):
    dice, count, pools = np.random.default_rng(1), len(terrain.pool), len(terrain.level)
    bound = least_overage(terrain)
    every = product(range(pools), repeat=count) if pools**count <= 300 else dice.integers(0, pools, (200, count))
    for places in every:
        placed = np.array(places)
        reached = overage(terrain, placed)
        assert reached >= bound - 1e-6
        assert (placed != terrain.pool).sum() >= fewest_moves(terrain, reached)


def test_the_fewest_moves_are_made_and_proven():
    terrain = a_terrain([3, 3, 1, 1, 1], [0, 0, 0, 0, 0], level=[6.5, 6.5])
    found = relieve(terrain, most_moves=9)
    assert [(step.database, step.target) for step in found.steps] == [(0, 1)]
    assert (found.fewest_moves, found.overage_after, found.gap) == (1, 0.0, 0.0)


def test_of_those_that_help_enough_the_cheapest_moves():
    terrain = a_terrain([3, 3, 3], [0, 0, 0], level=[6.5, 6.5], cost=np.array([500.0, 20.0, 90.0]))
    assert [step.database for step in relieve(terrain, most_moves=9).steps] == [1]


@pytest.mark.parametrize(
    ("terrain", "reasons"),
    [
        (a_terrain([], [], level=[]), ()),
        (a_terrain([], [], level=[4.0, 4.0]), ()),
        (a_terrain([9.0], [0], level=[4.0]), ((0, FAIR_SHARE),)),
        (a_terrain([9.0], [0], level=[4.0, 4.0]), ((0, NOWHERE),)),
        (a_terrain([3.0, 3.0], [0, 0], level=[4.0, 4.0], movable=np.array([False, False])), ((0, NOTHING_MOVES),)),
        (a_terrain([3.0, 3.0], [0, 0], level=[4.0, 4.0], closed=np.array([False, True])), ((0, NOWHERE),)),
    ],
    ids=["empty", "nobody", "single", "impossible", "pinned", "closed"],
)
def test_what_cannot_be_relieved_has_a_reason(terrain: Terrain, reasons: tuple[tuple[int, str], ...]):
    found = relieve(terrain, most_moves=9)
    assert (found.steps, found.reasons) == ((), reasons)


def test_a_budget_of_moves_is_kept_and_named():
    terrain = a_terrain([2.0] * 6, [0] * 6, level=[4.0, 99.0])
    found = relieve(terrain, most_moves=2)
    assert (len(found.steps), found.reasons) == (2, ((0, OVER_BUDGET),))
    assert found.fewest_moves == 2


def test_a_huge_terrain_is_answered():
    dice, count, pools = np.random.default_rng(3), 5_000, 50
    terrain = a_terrain(
        dice.gamma(1.0, 0.06, count).tolist(), dice.integers(0, pools, count).tolist(), level=[6.4] * pools
    )
    terrain = replace(terrain, limits=np.full((pools, 1), 500.0))
    found = relieve(terrain, most_moves=1_000)
    assert found.overage_after < found.overage_before
    assert found.fewest_moves <= len(found.steps)


def test_a_bound_counts_small_sets_exactly():
    terrain = a_terrain([4, 3, 2, 1], [0, 0, 0, 0], level=[5.0, 20.0])
    exact = next(
        size
        for size in range(5)
        if any(
            sum(v for n, v in enumerate([4, 3, 2, 1]) if n not in gone) <= 5.0 for gone in combinations(range(4), size)
        )
    )
    assert fewest_moves(terrain, 0.0) == exact

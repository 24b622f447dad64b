"""Rebalancing where the right answer is plain to see."""

from __future__ import annotations

import time

import numpy as np
import pytest

from placement.engine.rebalance.ordering import NOT_ACCEPTED, TARGET_FULL, in_safe_order
from placement.engine.rebalance.problem import ImpossibleProblem
from placement.engine.rebalance.search import Budget, rebalance
from tests.unit.placement.rebalancing import a_problem, whole, worth

SHORT = Budget(trials=5_000)


def test_a_crowded_pool_is_relieved():
    problem = a_problem(needs=[[4], [4], [4], [4]], pool=[0, 0, 0, 0], capacity=[[16], [16]])
    found = rebalance(problem, budget=SHORT)
    assert sorted(found.pool.tolist()) == [0, 0, 1, 1]


def test_nothing_moves_where_nothing_is_wrong():
    problem = a_problem(needs=[[4], [4]], pool=[0, 1], capacity=[[16], [16]])
    found = rebalance(problem, budget=SHORT)
    assert found.pool.tolist() == [0, 1]
    assert found.reason == "no better places found"


def test_a_move_that_costs_more_than_it_gains_is_not_made():
    problem = a_problem(needs=[[9], [1]], pool=[0, 0], capacity=[[18], [18]], move_cost=1_000)
    assert rebalance(problem, budget=SHORT).pool.tolist() == [0, 0]


def test_a_pinned_database_stays_and_its_neighbour_goes():
    problem = a_problem(needs=[[8], [8]], pool=[0, 0], capacity=[[16], [16]], pinned=[0])
    assert rebalance(problem, budget=SHORT).pool.tolist() == [0, 1]


def test_a_closed_pool_takes_nobody():
    problem = a_problem(needs=[[8], [8]], pool=[0, 0], capacity=[[16], [16], [16]], closed=[1])
    assert 1 not in rebalance(problem, budget=SHORT).pool


def test_two_groups_that_need_each_other_move_zone_together():
    needed = {0: (1,), 1: (0,)}
    problem = a_problem(
        needs=[[8], [8]], pool=[0, 1], capacity=[[8], [8], [16], [16]], safe=[[0], [0], [16], [16]],
        zone=[0, 0, 1, 1], needed=needed,
    )  # fmt: skip
    assert set(rebalance(problem, budget=Budget(trials=500_000)).pool.tolist()) <= {2, 3}


def test_a_pool_over_its_limit_at_the_start_is_relieved_and_not_filled():
    problem = a_problem(needs=[[9], [9]], pool=[0, 0], capacity=[[10], [10]])
    assert sorted(rebalance(problem, budget=SHORT).pool.tolist()) == [0, 1]


@pytest.mark.parametrize(
    ("needs", "pool", "capacity"), [([], [], [[4]]), ([], [], []), ([[3]], [0], [[4]]), ([[9]], [0], [[4]])]
)
def test_empty_single_and_hopeless_problems_get_an_answer_with_a_reason(needs, pool, capacity):
    found = rebalance(a_problem(needs=needs, pool=pool, capacity=capacity), budget=SHORT)
    assert found.pool.tolist() == pool
    assert found.reason == "nothing can move"


def test_databases_without_pools_are_refused_with_the_reason():
    with pytest.raises(ImpossibleProblem, match="no pools"):
        a_problem(needs=[[1]], pool=[0], capacity=[])


def test_a_huge_problem_gets_an_answer_in_the_time_asked():
    random = np.random.default_rng(1)
    count, pools = 200_000, 2_000
    problem = a_problem(
        needs=random.integers(1, 9, (count, 2)).tolist(),
        pool=random.integers(0, pools, count).tolist(),
        capacity=[[2_000, 2_000]] * pools,
        safe=[[450, 450]] * pools,
    )
    found = rebalance(problem, budget=Budget(seconds=5.0, clock=time.process_time))
    assert found.value < found.start_value
    assert found.value == worth(problem, found.pool)


def test_a_swap_between_full_pools_goes_through_a_third():
    problem = a_problem(needs=[[8], [8]], pool=[0, 1], capacity=[[8], [8], [8]])
    plan = in_safe_order(problem, whole([1, 0]))
    assert plan.pool.tolist() == [1, 0]
    assert len(plan.moves) == 3


def test_a_swap_without_a_third_pool_is_left_out_with_the_reason():
    plan = in_safe_order(a_problem(needs=[[8], [8]], pool=[0, 1], capacity=[[8], [8]]), whole([1, 0]))
    assert plan.moves == ()
    assert plan.left_out == ((0, TARGET_FULL), (1, TARGET_FULL))


def test_a_target_of_the_same_group_is_named_as_the_reason():
    problem = a_problem(needs=[[1], [1]], pool=[0, 1], capacity=[[8], [8]], group=[0, 0])
    assert in_safe_order(problem, whole([1, 1])).left_out == ((0, NOT_ACCEPTED),)

"""Whatever the problem: no rule is broken, the answer is never worse, says its true value, and can be repeated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.engine.rebalance.ordering import in_safe_order
from placement.engine.rebalance.problem import Problem
from placement.engine.rebalance.search import Budget, rebalance
from tests.unit.placement.rebalancing import broken, over_limits, problems, together, used_of, worth

SHORT = Budget(trials=3_000)
EXAMPLES = settings(max_examples=60, deadline=None)


@EXAMPLES
@given(problem=problems(), seed=st.integers(0, 3))
def test_an_answer_breaks_no_rule_and_is_never_worse_than_the_start(problem: Problem, seed: int):
    start = problem.databases.pool
    found = rebalance(problem, budget=SHORT, seed=seed)
    assert not over_limits(problem, found.pool, held_at_home=True)
    assert not together(problem, found.pool)
    assert found.broken == broken(problem, found.pool) <= broken(problem, start)
    assert found.start_value == worth(problem, start)
    assert found.value == worth(problem, found.pool)
    assert (found.broken, found.value) <= (broken(problem, start), found.start_value)


@EXAMPLES
@given(problem=problems(), wanted=st.data())
def test_no_prefix_of_a_plan_breaks_a_rule_with_both_ends_counted(problem: Problem, wanted: st.DataObject):
    pools = st.integers(0, len(problem.pools.capacity) - 1)
    targets = np.array([wanted.draw(pools) for _ in problem.databases.pool], dtype=np.int64)
    plan, places = in_safe_order(problem, targets), problem.databases.pool.copy()
    for move in plan.moves:
        assert places[move.database] == move.source
        both_ends = used_of(problem, places)
        both_ends[move.target] += problem.databases.needs[move.database]
        assert not (both_ends > problem.pools.capacity).any()
        rules = broken(problem, places)
        places[move.database] = move.target
        assert not together(problem, places)
        assert broken(problem, places) <= rules
    assert (places == plan.pool).all()
    left = {database for database, _ in plan.left_out}
    assert left == set(np.flatnonzero(places != targets).tolist())


@EXAMPLES
@given(problem=problems(), order=st.randoms(use_true_random=False))
def test_the_order_of_databases_does_not_matter(problem: Problem, order):
    shuffled = list(range(len(problem.databases.pool)))
    order.shuffle(shuffled)
    other = replace(problem, databases=problem.databases.at(np.array(shuffled, dtype=np.int64)))
    assert rebalance(other, budget=SHORT).value == rebalance(problem, budget=SHORT).value


@settings(max_examples=10, deadline=None)
@given(problem=problems(), seed=st.integers(0, 9))
def test_the_same_seed_and_trials_give_the_same_places(problem: Problem, seed: int):
    assert (rebalance(problem, budget=SHORT, seed=seed).pool == rebalance(problem, budget=SHORT, seed=seed).pool).all()

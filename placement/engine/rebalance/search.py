"""Rebalance: the same answer for the same problem, seed and number of trials; time only ends it earlier."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from placement.engine.rebalance.anneal import STEP, Stretch, anneal, sample, start_costs
from placement.engine.rebalance.problem import Databases, Ints, Problem
from placement.engine.rebalance.rules import value_of
from placement.engine.rebalance.state import Best, Fixed, State, fixed_of, state_of

GREEDY = 0.05
"""Of the budget, before the first heating: where trials are few, this is what finds most."""
ENOUGH = (50.0, 2_000.0)
"""Trials for each database below which nothing is heated, and above which the whole range is used."""
FORBIDDEN = 1e6
"""The price of a broken rule meanwhile, in typical changes: where the search begins badly placed, rules broken in its
first rush downhill are hard to mend once pools are full."""
SAMPLES = 20_000
STRETCH = 20 * STEP
"""Trials between two looks at the clock: some hundredths of a second."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to search: `trials` decide the answer, `seconds` on `clock` only end it earlier.

    Without trials the clock also paces the cooling, and the answer depends on the machine's speed.
    """

    trials: int | None = None
    seconds: float | None = None
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True, slots=True)
class Tuning:
    """Temperatures as multiples of the median change that a single move makes, and the mix of proposals.

    `alike` is the share of exchanges between databases of about the same size.
    `shares` add up: a return home, a shift, a swap, a chain that makes room at home, a chain of two; the rest are
    chains of three.
    """

    hot: float = 3.0
    cold: float = 0.01
    least_penalty: float = 1e-4
    most_penalty: float = 100.0
    alike: float = 0.5
    shares: tuple[float, float, float, float, float] = (0.05, 0.40, 0.80, 0.85, 0.95)


@dataclass(frozen=True, slots=True)
class Rebalanced:
    """Where every database should be, what that is worth, and why it is no better.

    `broken` counts groups missing from a zone or sites missing from a group; never more than at the start.
    """

    pool: Ints
    start_value: int
    value: int
    broken: int
    trials: int
    reason: str


def rebalance(problem: Problem, *, budget: Budget, seed: int = 0, tuning: Tuning | None = None) -> Rebalanced:
    """The best places found; those of the start if none is better. Raises ValueError for a budget without end."""
    if budget.trials is None and budget.seconds is None:
        raise ValueError("a budget names trials, seconds or both")
    began = budget.clock()
    order = _canonical(problem.databases)
    found = _rebalance(replace(problem, databases=problem.databases.at(order)), budget, began, seed=seed, tuning=tuning)
    pool = np.empty_like(found.pool)
    pool[order] = found.pool
    return replace(found, pool=pool)


def _canonical(databases: Databases) -> Ints:
    """An order that depends on what databases are and not on how they were listed; equal ones stand for each other."""
    marks = (databases.move_cost, databases.kind, databases.pinned, databases.group, databases.pool)
    order: Ints = np.lexsort((*databases.needs.T, *marks))
    return order


def _rebalance(problem: Problem, budget: Budget, began: float, *, seed: int, tuning: Tuning | None) -> Rebalanced:
    fixed = fixed_of(problem)
    state = state_of(fixed, fixed.home, seed=seed)
    start_costs(fixed, state)
    start = int(value_of(fixed, state))
    best = Best(fixed.home.copy(), np.empty(len(fixed.home), dtype=np.int64), _marks(start, state))
    if len(fixed.movable) == 0 or len(fixed.capacity) < 2:
        return Rebalanced(best.pool, start, start, int(best.marks[1]), 0, "nothing can move")
    schedule = Schedule(budget, began, tuning or Tuning(), unit=_typical_change(fixed, state))
    tried = _search(fixed, state, best, schedule)
    value, broken = int(best.marks[0]), int(best.marks[1])
    reason = "no better places found" if (best.pool == fixed.home).all() else "searched to the end of the budget"
    return Rebalanced(best.pool, start, value, broken, tried, reason)


def _marks(value: int, state: State) -> Ints:
    return np.array([value, state.sums[4] + state.sums[5], 0], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How the search cools: by the same factor in every part of the budget. `unit` is a typical change."""

    budget: Budget
    began: float
    tuning: Tuning
    unit: float

    def progress(self, tried: int) -> float:
        """How much of the budget is spent, from 0 to 1; time counts only where it ends a budget of trials early."""
        budget = self.budget
        if budget.seconds is not None:
            spent = (budget.clock() - self.began) / budget.seconds if budget.seconds > 0 else 1.0
            if spent >= 1.0 or budget.trials is None:
                return min(1.0, spent)
        return tried / budget.trials if budget.trials else 1.0

    def stretch(self, tried: int, progress: float, ahead: float) -> Stretch:
        """The next stretch, from here to so far ahead. The GREEDY part only takes what is better and breaks no rule."""
        trials = STRETCH
        if self.budget.trials is not None:
            trials = min(STRETCH, max(STEP, self.budget.trials // 50), self.budget.trials - tried)
        least, most = self.unit * self.tuning.least_penalty, self.unit * self.tuning.most_penalty
        if progress < GREEDY:
            least = most = self.unit * FORBIDDEN
        hot, cold = self.temperature(progress), self.temperature(min(1.0, progress + ahead))
        return Stretch(trials, hot, cold, least, most, self.tuning.shares, self.tuning.alike)

    def temperature(self, progress: float) -> float:
        """What a change may cost now and still pass about every third time."""
        part = 1.0 if progress < GREEDY else (progress - GREEDY) / (1 - GREEDY)
        return max(self.unit * self.tuning.hot * float((self.tuning.cold / self.tuning.hot) ** part), 1e-9)

    def cooler(self, trials_each: float) -> Schedule:
        """Heat only as much as so many trials a database can cool again."""
        tuning, (few, plenty) = self.tuning, ENOUGH
        heat = min(1.0, max(0.0, math.log(max(trials_each, few) / few) / math.log(plenty / few)))
        return replace(self, tuning=replace(tuning, hot=tuning.cold * (tuning.hot / tuning.cold) ** heat))


def _typical_change(fixed: Fixed, state: State) -> float:
    changes = np.zeros(SAMPLES, dtype=np.int64)
    sample(fixed, state, changes)
    return float(np.median(changes[changes > 0])) if changes.any() else 1.0


def _search(fixed: Fixed, state: State, best: Best, schedule: Schedule) -> int:
    """Stretch after stretch until the budget is spent. Returns the trials made."""
    penalty, tried, before, greedy = schedule.unit * FORBIDDEN, 0, 0.0, True
    progress = schedule.progress(tried)
    while progress < 1.0:
        if greedy and progress >= GREEDY:
            schedule, greedy = schedule.cooler(tried / progress / len(fixed.movable)), False
        stretch = schedule.stretch(tried, progress, ahead=progress - before)
        penalty = anneal(fixed, state, best, stretch, min(penalty, stretch.most_penalty))
        tried, before = tried + stretch.trials, progress
        progress = schedule.progress(tried)
    return tried

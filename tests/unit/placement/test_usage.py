"""What databases need together, and what a decision makes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from placement.engine.fleet import Fleet, WorkspaceCounts
from placement.engine.load import Loads
from placement.engine.place import place
from placement.engine.policy import Policy
from placement.engine.usage import HOURS, OneLoad, PoolsLoad, Risk, Usage, together
from tests.unit.placement.builders import a_demand, a_pool

RISK = Risk(z=3.0, correlation=0.5)


def some_loads(count: int, *, workspaces: int, seed: int = 1) -> Loads:
    dice = np.random.default_rng(seed)
    profile = dice.gamma(2.0, 0.1, (count, HOURS))
    return Loads(profile.mean(axis=1), dice.gamma(2.0, 0.01, count), profile, dice.integers(0, workspaces, count))


def test_all_at_once_is_what_each_pool_gives_alone():
    loads, pool = some_loads(40, workspaces=7), np.arange(40) % 3
    peaks = together(loads, pool, pools=3, risk=RISK).peaks(RISK)
    for number in range(3):
        mine = pool == number
        sigma, owners = np.sqrt(loads.variance[mine]), loads.workspace[mine]
        alike = sum(sigma[owners == owner].sum() ** 2 for owner in set(owners.tolist()))
        variance = 0.5 * (sigma**2).sum() + 0.5 * alike
        assert peaks[number] == pytest.approx(loads.profile[mine].sum(axis=0).max() + 3 * np.sqrt(variance))


def test_who_stands_nowhere_counts_nowhere():
    loads = some_loads(4, workspaces=2)
    found = together(loads, np.array([0, -1, -1, 0]), pools=2, risk=RISK)
    assert found.mean[1] == 0
    assert found.mean[0] == pytest.approx(loads.mean[[0, 3]].sum())


def test_the_share_above_a_level_is_what_drawn_weeks_show():
    dice, profile = np.random.default_rng(2), 4 + np.sin(np.arange(HOURS) / 24 * 2 * np.pi)
    load = PoolsLoad(profile[None], np.array([4.0]), np.array([0.5]))
    drawn = profile + dice.normal(0, np.sqrt(0.5), (4000, HOURS))
    for level in (4.0, 5.0, 6.0):
        assert load.shares_above(np.array([level]))[0] == pytest.approx((drawn > level).mean(), abs=0.004)


def a_usage(fleet: Fleet, *, mean: list[float], counted: list[float], asks: float = 0.5, known: object = None) -> Usage:
    """Flat loads without any deviation."""
    profile = np.repeat(np.array(mean)[:, None], HOURS, axis=1)
    pools = PoolsLoad(profile, np.array(mean), np.zeros(len(mean)))
    is_known = np.ones(len(mean), dtype=np.bool_) if known is None else np.array(known)
    return Usage(pools, is_known, np.array(counted), OneLoad(np.full(HOURS, asks), asks, 0.0), RISK)


def test_a_pool_that_is_busier_than_promised_takes_nobody_and_says_by_how_much():
    fleet = Fleet.of([a_pool("p-1", committed_vcores=1.0)])
    decision = place(fleet, a_demand(vcores=0.5), Policy(), usage=a_usage(fleet, mean=[6.2], counted=[1.0]))
    assert decision.pool_id is None
    refusal = next(one for one in decision.refusals if one.constraint == "has_free_vcores")
    assert refusal.missing == pytest.approx(6.2 + 0.5 - 6.4)


def test_a_pool_that_is_calmer_than_promised_takes_more_within_the_overcommit():
    fleet = Fleet.of([a_pool("p-1", committed_vcores=6.4)])
    usage = a_usage(fleet, mean=[2.0], counted=[6.4])
    decision = place(fleet, a_demand(vcores=0.5), Policy(), usage=usage)
    assert decision.pool_id == "p-1"
    assert decision.ceilings is not None
    assert decision.ceilings.committed_vcores == pytest.approx(6.4 + 0.5 + (6.4 - 2.5))
    full = Fleet.of([a_pool("p-1", committed_vcores=15.8)])
    refused = place(full, a_demand(vcores=0.5), Policy(), usage=a_usage(full, mean=[2.0], counted=[15.8]))
    assert [one.constraint for one in refused.refusals] == ["within_overcommit"]


def test_what_was_promised_since_the_measurement_counts_as_asked():
    fleet = Fleet.of([a_pool("p-1", committed_vcores=6.0)])
    usage = a_usage(fleet, mean=[2.0], counted=[2.0])
    assert place(fleet, a_demand(vcores=0.4), Policy(), usage=usage).pool_id is None
    assert place(fleet, a_demand(vcores=0.4), Policy(), usage=replace(usage, counted=np.array([6.0]))).pool_id == "p-1"


def test_a_pool_without_measurements_counts_by_its_promises():
    fleet = Fleet.of([a_pool("p-1", committed_vcores=6.0), a_pool("p-2", committed_vcores=1.0)])
    usage = a_usage(fleet, mean=[0.0, 6.4], counted=[0.0, 1.0], known=[False, True])
    assert place(fleet, a_demand(vcores=0.5), Policy(), usage=usage).pool_id is None
    counts = WorkspaceCounts.none(fleet)
    now, then = usage.needed(fleet, a_demand(vcores=0.5), counts)
    assert now.tolist() == [6.0, 6.4]
    assert then.tolist() == [6.5, 6.9]

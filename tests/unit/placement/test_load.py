"""Load together is less than the sum of peaks, except where databases rise together; and hot is not a moment's word."""

from __future__ import annotations

import numpy as np
import pytest

from placement.engine.load import PoolLoad, learned
from placement.engine.rebalance.hysteresis import Marks, Watch


def peak_of(samples: np.ndarray, workspace: list[int], *, correlation: float) -> float:
    loads = learned(samples, slots=24, workspace=np.array(workspace))
    pool, peak = PoolLoad(24, z=3.0, correlation=correlation), 0.0
    for database in range(len(samples)):
        peak = pool.peak_with(loads, database)
        pool.add(loads, database)
    return peak


def noise(databases: int) -> np.ndarray:
    return np.maximum(np.random.default_rng(1).normal(10.0, 3.0, (databases, 288)), 0.0)


def test_strangers_need_less_than_the_sum_of_their_peaks_and_more_than_their_means():
    samples = noise(20)
    peak = peak_of(samples, list(range(20)), correlation=0.5)
    together = samples.sum(axis=0)
    assert together.mean() < np.quantile(together, 0.99) <= peak < samples.max(axis=1).sum()


def test_one_workspace_needs_more_than_strangers():
    samples = noise(20)
    strangers = peak_of(samples, list(range(20)), correlation=0.5)
    assert peak_of(samples, [0] * 20, correlation=0.5) > strangers
    assert peak_of(samples, [0] * 20, correlation=0.0) == pytest.approx(strangers)


def test_rhythms_that_take_turns_fit_together():
    hours = np.repeat(np.arange(24), 12)
    day, night = np.where(hours < 12, 10.0, 0.0), np.where(hours < 12, 0.0, 10.0)
    loads = learned(np.array([day, night, day]), slots=24, trust=1.0)
    pool = PoolLoad(24, z=3.0, correlation=0.5)
    pool.add(loads, 0)
    assert pool.peak_with(loads, 1) == pytest.approx(10.0)
    assert pool.peak_with(loads, 2) == pytest.approx(20.0)


def looks(*loads: float) -> list[bool]:
    watch = Watch(1, Marks(high=0.9, low=0.8, windows=4, needed=3))
    return [bool(watch.look(np.array([load]))[0]) for load in loads]


def test_a_moment_above_the_mark_is_not_hot():
    assert looks(0.95, 0.7, 0.95, 0.7, 0.7) == [False] * 5


def test_a_pool_turns_hot_when_it_stays_above_and_cools_only_below_the_low_mark():
    assert looks(0.95, 0.95, 0.95, 0.85, 0.85, 0.79) == [False, False, True, True, True, False]


def test_a_pool_that_has_just_cooled_is_not_hot_for_old_readings():
    assert looks(0.95, 0.95, 0.95, 0.7, 0.85) == [False, False, True, False, False]


def test_marks_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match="low mark"):
        Marks(high=0.5, low=0.9)

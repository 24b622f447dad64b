"""Robust growth: what is no trend makes none, and what is one is found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.growth.trend import Trend, trend_of

GIB = 2**30


def days(count: int) -> np.ndarray:
    return np.arange(700_000, 700_000 + count, dtype=np.float64)


def a_trend(used: np.ndarray) -> Trend:
    found = trend_of(days(len(used)), used)
    assert found is not None
    return found


@given(st.integers(7, 200), st.floats(-5, 50), st.floats(1, 1000))
def test_a_straight_line_is_found_exactly(count: int, slope: float, start: float):
    found = a_trend((start + slope * np.arange(count)) * GIB)
    assert found.per_day == pytest.approx(slope * GIB, abs=GIB * 1e-6)
    assert found.swing == pytest.approx(0, abs=GIB * 1e-3)


def test_too_few_samples_tell_nothing():
    assert trend_of(days(6), np.ones(6)) is None
    assert trend_of(days(0), np.ones(0)) is None


def test_one_import_of_a_day_makes_no_trend():
    used = np.full(60, 100.0) * GIB
    used[30] += 500 * GIB
    assert a_trend(used).per_day == pytest.approx(0)


def test_a_monthly_rhythm_hides_no_growth_and_makes_none():
    number = np.arange(120)
    rhythm = 40 * (number % 30) / 30  # fills up over a month, cleaned up at its end
    assert a_trend((500 + rhythm) * GIB).per_day == pytest.approx(0, abs=0.1 * GIB)
    found = a_trend((500 + rhythm + 2.0 * number) * GIB)
    assert found.per_day == pytest.approx(2.0 * GIB, rel=0.1)
    assert found.swing > 10 * GIB


@pytest.mark.parametrize(("flat", "fast", "pace"), [(97, 21, 4.0), (80, 40, 2.0), (30, 25, 3.5), (14, 6, 10.0)])
def test_a_change_of_pace_is_seen_within_a_week(flat: int, fast: int, pace: float):
    """Hand-counted: what is left of 100 GiB, at the pace of the last days."""
    ramp = 10.0 + pace * np.arange(1, fast + 1)
    found = a_trend(np.concatenate([np.full(flat, 10.0), ramp]) * GIB)
    assert found.days_until(100 * GIB) == pytest.approx((90 - pace * fast) / pace, abs=0.1)


def test_a_noisy_change_of_pace_is_seen():
    dice = np.random.default_rng(3)
    used = np.concatenate([np.full(97, 10.0), 10 + 4.0 * np.arange(1, 19)]) + dice.normal(0, 1, 115)
    assert a_trend(used * GIB).per_day == pytest.approx(4 * GIB, rel=0.25)


def test_stationary_noise_makes_no_new_pace():
    """A thousand databases at 80 of 100 GiB that come and go by five: nobody is alarmed."""
    paces = [a_trend(80 + np.random.default_rng(seed).normal(0, 5, 120)).days_until(100) for seed in range(1000)]
    assert sum(left is not None and left < 42 for left in paces) == 0


@pytest.mark.parametrize("day", range(30))
@pytest.mark.parametrize("growth", [0.0, 0.5, 2.0])
def test_what_fills_up_and_is_cleaned_each_month_has_no_new_pace_on_any_day(day: int, growth: float):
    number = np.arange(120)
    rhythm = 40.0 * ((number + day) % 30) / 30
    assert a_trend((50 + rhythm + growth * number) * GIB).per_day < (growth + 0.2) * GIB


def test_one_jump_is_no_pace():
    for ago in range(1, 8):
        used = np.concatenate([np.full(100, 40.0), np.full(ago, 80.0)]) * GIB
        assert a_trend(used).per_day == pytest.approx(0)


def test_noise_and_gaps_change_little():
    dice = np.random.default_rng(1)
    number = np.sort(dice.choice(np.arange(90.0), 60, replace=False))
    used = (200 + 3 * number + dice.normal(0, 5, 60)) * GIB
    found = trend_of(number + 700_000, used)
    assert found is not None
    assert found.per_day == pytest.approx(3 * GIB, rel=0.05)


def test_the_day_it_is_full_counts_its_peaks():
    trend = Trend(per_day=2.0, level=100.0, swing=20.0, last_day=0)
    assert trend.days_until(160.0) == 20.0
    assert trend.days_until(110.0) == 0.0
    assert Trend(0.0, 100.0, 0.0, 0).days_until(160.0) is None
    assert Trend(-1.0, 100.0, 0.0, 0).days_until(160.0) is None


def test_what_shares_a_pool_adds_up():
    both = Trend(2.0, 100.0, 5.0, last_day=10) + Trend(1.0, 50.0, 1.0, last_day=8)
    assert (both.per_day, both.level, both.swing, both.last_day) == (3.0, 152.0, 6.0, 10)

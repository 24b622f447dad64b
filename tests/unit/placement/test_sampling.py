"""Slots, quantities and moments: what sampling reckons without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placement.engine.load import remembered
from placement.sampling.moments import M2, MEAN, MEMORY, MOST, N, merged
from placement.sampling.quantities import Limits, amounts, limits_of, metrics_of
from placement.sampling.slots import Asked, closed_until, hour_of, judge, next_look, slot_of, start_of, week_hour

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)


def test_a_slot_is_five_minutes_and_knows_its_hour_of_the_week():
    slot = slot_of(MONDAY + timedelta(hours=25, minutes=14, seconds=59))
    assert start_of(slot) == MONDAY + timedelta(hours=25, minutes=10)
    assert week_hour(hour_of(slot)) == 25
    assert week_hour(hour_of(slot_of(MONDAY - timedelta(seconds=1)))) == 167


def test_a_slot_is_closed_when_azure_has_had_time_to_measure_it():
    assert closed_until(MONDAY + timedelta(seconds=179), lag_seconds=180) == slot_of(MONDAY) - 1
    assert closed_until(MONDAY + timedelta(seconds=180), lag_seconds=180) == slot_of(MONDAY)


@given(st.integers(0, 10**6), st.integers(0, 10**5))
def test_looks_once_an_hour_settle_at_a_minute_of_their_own(start: int, meter: int):
    first = next_look(start, every_slots=12, meter=meter)
    assert 6 <= first - start < 18
    assert next_look(first, every_slots=12, meter=meter) == first + 12
    assert next_look(start, every_slots=1, meter=meter) == start + 1


def looked(there: str, *, since: int = 0, known: bool = True, closed: int = 100, first: int = 0):
    """One meter whose points are `x`; the first character is slot `first`."""
    points = np.array([[mark == "x" for mark in there]])
    asked = Asked(np.array([since]), np.array([known]), first, first + len(there))
    seen = judge(asked, points, closed=closed)
    gaps = "".join(
        "g" if gap else "x" if point else "." for gap, point in zip(seen.gaps[0], seen.points[0], strict=True)
    )
    return gaps, int(seen.sampled_until[0]), int(seen.first_point[0])


@pytest.mark.parametrize(
    ("there", "since", "known", "closed", "expected"),
    [
        ("xxxx", 0, True, 4, ("xxxx", 4, 0)),
        ("xxxx", 2, True, 4, ("..xx", 4, 2)),  # the neighbours' slots are not ours
        ("xx..", 0, True, 4, ("xx..", 2, 0)),  # may still come
        ("x.xx", 0, True, 4, ("x.xx", 1, 0)),
        ("x.xx", 0, True, 30, ("xgxx", 4, 0)),  # will not come any more
        ("..xx", 0, False, 30, ("..xx", 4, 2)),  # was not there yet
        ("..xx", 0, False, 4, ("..xx", 4, 2)),
        ("....", 0, False, 30, ("....", 4, -1)),
        ("....", 0, False, 4, ("....", 0, -1)),  # may be new, and its points late
        ("....", 0, True, 30, ("gggg", 4, -1)),
    ],
)
def test_what_an_answer_says(there, since, known, closed, expected):
    assert looked(there, since=since, known=known, closed=closed) == expected


def test_names_and_units_differ_by_kind_and_tier():
    assert metrics_of("pool", "GeneralPurpose")[0] == "cpu_used"
    assert metrics_of("pool", "GeneralPurpose")[-1] == "storage_used"
    assert metrics_of("database", "Hyperscale")[-1] == "storage"
    assert metrics_of("database", "Standard")[0] == "dtu_used"
    assert metrics_of("pool", "Premium")[0] == "eDTU_used"


def test_percentages_become_amounts_that_a_move_does_not_change():
    limits = limits_of("GeneralPurpose", "Gen5", vcores=8, share=0.25)
    assert limits == Limits(vcores=2.0, iops=1400.0, log_mbps=12.0, workers=210.0)
    found = np.array([[[1.0, 50.0, 25.0, 10.0, 40.0, 2.0**30], [np.nan] * 6]])
    used = amounts(found, limits=[limits], service_tier="GeneralPurpose")
    assert used[0, 0].tolist() == [1.0, 700.0, 3.0, 21.0, 40.0, 2.0**30, 50.0]
    assert np.isnan(used[0, 1]).all()
    assert amounts(100 * found, limits=[limits], service_tier="Standard")[0, 0, 0] == 1.0


def test_an_unknown_size_has_the_limits_of_its_vcores():
    assert limits_of("GeneralPurpose", "Fsv2", vcores=10, share=1.0) == Limits(10, 7000.0, 60.0, 1050.0)


def moments(values: np.ndarray) -> np.ndarray:
    """Of one series."""
    if not len(values):
        return np.zeros((4, 1))
    return np.array([[len(values)], [values.mean()], [((values - values.mean()) ** 2).sum()], [values.max()]])


@given(st.lists(st.lists(st.floats(0, 1000), max_size=30), min_size=1, max_size=6))
def test_merged_moments_are_those_of_all_values(parts: list[list[float]]):
    kept = np.zeros((4, 1))
    for part in parts:
        kept = merged(kept, moments(np.array(part)))
    values = np.concatenate([np.array(part) for part in parts])
    assert kept[N, 0] == len(values)
    if len(values):
        assert kept[MEAN, 0] == pytest.approx(values.mean(), abs=1e-9)
        assert kept[M2, 0] == pytest.approx(((values - values.mean()) ** 2).sum(), abs=1e-6)
        assert kept[MOST, 0] == values.max()


def test_what_is_older_than_half_a_year_fades():
    kept = np.zeros((4, 1))
    for week in range(520):
        level = 1.0 if week < 468 else 5.0  # nine years, then one at another level
        kept = merged(kept, moments(np.full(12, level)))
    assert kept[N, 0] == MEMORY
    assert 4.3 < kept[MEAN, 0] <= 5.0


def a_week(hours: np.ndarray, *, points: float = 12.0) -> np.ndarray:
    """Each hour of one database, without deviations, known from so many points; NaN: not at all."""
    known = ~np.isnan(hours)
    level = np.where(known, hours, 0.0)
    return np.stack((known * points, level, np.zeros(len(hours)), level))[:, None, :]


def test_remembered_profiles_are_as_trusted_as_their_points():
    shape = np.where(np.arange(168) % 24 < 8, 0.1, 1.0) + np.arange(168) / 1000
    week = a_week(shape)
    assert remembered(week, half_trust=1e-9).profile[0] == pytest.approx(shape, abs=1e-6)
    assert np.ptp(remembered(week, half_trust=1e9).profile) < 1e-6
    found = remembered(week, half_trust=12.0)
    assert found.mean[0] == pytest.approx(shape.mean())
    assert found.variance[0] == pytest.approx(((shape - found.profile[0]) ** 2).mean())
    nothing = remembered(np.zeros((4, 1, 168)))
    assert (nothing.mean[0], nothing.variance[0], nothing.profile.max()) == (0, 0, 0)


def test_a_rhythm_of_days_is_known_before_every_day_of_the_week_was_seen():
    hours = np.where(np.arange(168) < 48, np.where(np.arange(168) % 24 < 8, 0.0, 3.0), np.nan)
    found = remembered(a_week(hours)).profile[0]
    night, day = found[72 + 3], found[72 + 12]  # a Thursday that nobody has seen
    assert night < 1.2
    assert day > 2.4
    assert np.ptp(found[120:]) < 1e-9, "nothing is known of weekends"

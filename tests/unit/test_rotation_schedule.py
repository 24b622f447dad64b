"""When credentials are rotated: never too late, never bunched, within windows of any zone."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rotation.schedule import Policy, Window, next_rotation_at, start_at

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia")
moments = st.timedeltas(timedelta(0), timedelta(days=9000)).map(lambda age: datetime(2020, 1, 1, tzinfo=UTC) + age)
windows = st.builds(Window, st.integers(0, 23), st.integers(0, 24), st.sampled_from(ZONES))
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@given(st.uuids(), moments, st.integers(1, 365))
def test_a_rotation_is_due_within_the_policy_and_not_at_once(database: UUID, promoted: datetime, days: int):
    age = next_rotation_at(database, promoted, Policy(days)) - promoted
    assert timedelta(days=days) * 0.1 <= age <= timedelta(days=days) + timedelta(seconds=1)


@given(st.uuids(), moments, st.integers(2, 365), windows)
def test_a_window_never_makes_it_later_than_the_policy(database: UUID, promoted: datetime, days: int, window: Window):
    due = next_rotation_at(database, promoted, Policy(days, window))
    assert window.holds(due)
    assert timedelta(0) < due - promoted <= timedelta(days=days + 1)


@given(st.uuids(), moments, windows)
def test_what_was_missed_starts_in_the_next_window_or_at_once_when_overdue(
    database: UUID, now: datetime, window: Window
):
    start = start_at(database, now, Policy(30, window), promoted_at=now - timedelta(days=30))
    assert window.holds(start)
    assert timedelta(0) <= start - now <= timedelta(days=2)
    assert start_at(database, now, Policy(30, window), promoted_at=now - timedelta(days=32)) == now


@given(st.uuids(), moments, windows)
def test_it_does_not_drift_a_steady_rotation_comes_once_a_period(database: UUID, promoted: datetime, window: Window):
    first = next_rotation_at(database, promoted, Policy(30))
    second = next_rotation_at(database, first + timedelta(minutes=5), Policy(30))
    assert second - first == timedelta(days=27)


@pytest.mark.parametrize("zone", ZONES)
def test_windows_are_local_hours_also_when_clocks_change(zone: str):
    window = Window(2, 4, zone)
    for day in range(365):
        opening = window.opens_on(NOW + timedelta(days=day)).astimezone(ZoneInfo(zone))
        assert opening.hour in (2, 3)  # 3 on the day on which 2 does not exist
        assert window.holds(opening.astimezone(UTC))


def test_many_made_together_are_never_bunched():
    made = 20_000
    hours = Counter(_hour(next_rotation_at(UUID(int=n << 64 | n), NOW, Policy(30))) for n in range(made))
    mean = made / (27 * 24)
    assert max(hours.values()) < 2 * mean


def test_a_hundred_thousand_on_thirty_days_fill_the_hours_evenly():
    """Chance alone makes the fullest of 648 hours about a quarter fuller than the mean of 154."""
    databases = [UUID(int=n << 64 | n) for n in range(100_000)]
    hours = Counter(_hour(next_rotation_at(database, NOW, Policy(30))) for database in databases)
    assert max(hours.values()) < 1.4 * len(databases) / (27 * 24)
    assert len(hours) >= 27 * 24


def test_what_was_missed_for_a_week_is_spread_again_once_caught_up():
    databases = [UUID(int=n << 64 | n) for n in range(20_000)]
    back = NOW + timedelta(days=14)
    dues = {database: next_rotation_at(database, NOW, Policy(30)) for database in databases}
    missed = [database for database, due in dues.items() if due < back]
    assert len(missed) > 5_000
    after = {**dues, **{database: next_rotation_at(database, back, Policy(30)) for database in missed}}
    hours = Counter(_hour(due) for due in after.values())
    assert max(hours.values()) < 2 * len(databases) / (27 * 24)


def test_they_stay_spread_after_all_were_rotated_by_hand_at_once():
    databases = [UUID(int=n << 64 | n) for n in range(5_000)]
    later = NOW + timedelta(days=11)
    hours = Counter(_hour(next_rotation_at(database, later, Policy(30))) for database in databases)
    assert max(hours.values()) < 4 * len(databases) / (27 * 24)


@settings(max_examples=20)
@given(windows)
def test_a_window_spreads_its_rotations_over_all_of_itself(window: Window):
    policy = Policy(30, window)
    dues = [next_rotation_at(UUID(int=n << 64 | n), NOW, policy) for n in range(400)]
    hours = Counter(due.hour for due in dues)
    length = window.length / timedelta(hours=1)
    assert max(hours.values()) <= 4 * 400 / length


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)

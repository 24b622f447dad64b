"""What copies for long begins so that its end meets an opening."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from inventory.calendar import Calendar, Span, WeeklyWindow
from provisioning.beginnings import HOLD, Copying, beginning_of

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
FRIDAYS = Calendar(((WeeklyWindow(4, time(22), 240),),))
FRIDAY = MONDAY + 4 * 24 * HOUR + 22 * HOUR
A_DAY_OF_COPYING = 24 * 3600.0


def held(seconds: float) -> Copying:
    return Copying(seconds, 60.0, HOLD)


def unheld(seconds: float) -> Copying:
    return Copying(seconds, 300.0)


@pytest.mark.parametrize("copying", [held(A_DAY_OF_COPYING), unheld(A_DAY_OF_COPYING)])
def test_without_windows_it_begins_at_once(copying: Copying):
    found = beginning_of(copying, Calendar(), MONDAY)
    assert found is not None
    assert found.at <= MONDAY
    assert not found.waits


@pytest.mark.parametrize("hours", [0.1, 1, 24, 60])
@pytest.mark.parametrize("pace", [0.75, 1.0, 1.25])
def test_a_held_copy_waits_for_its_window_within_the_hold_however_fast_it_is(hours: float, pace: float):
    found = beginning_of(held(hours * 3600), FRIDAYS, MONDAY)
    assert found is not None
    began = max(found.at, MONDAY)
    error = min(abs(pace - 1) * hours, 6) * (1 if pace > 1 else -1)
    copied = began + (hours + error) * HOUR
    assert copied <= found.opening.starts_at < copied + 24 * HOUR
    assert found.opening.starts_at == FRIDAY


@pytest.mark.parametrize("hours", [0.1, 1, 3, 60])
def test_the_end_of_what_nobody_holds_falls_into_a_window(hours: float):
    found = beginning_of(unheld(hours * 3600), FRIDAYS, MONDAY)
    assert found is not None
    for late in (timedelta(0), HOUR):  # who begins it may be late
        copied = found.at + late + hours * HOUR
        assert copied in Span(FRIDAY, FRIDAY + 4 * HOUR)
        again = beginning_of(unheld(hours * 3600), FRIDAYS, found.at + late)
        assert again is not None
        assert again.at <= found.at + late


def test_a_freeze_puts_it_off_to_the_next_week():
    calendar = Calendar(FRIDAYS.groups, (Span(FRIDAY - HOUR, FRIDAY + 24 * HOUR),))
    found = beginning_of(held(3600), calendar, MONDAY)
    assert found is not None
    assert found.opening.starts_at == FRIDAY + 7 * 24 * HOUR


@pytest.mark.parametrize("copying", [Copying(60, 5 * 3600, HOLD), Copying(60, 5 * 3600)])
def test_no_window_is_long_enough_for_a_long_switch(copying: Copying):
    assert beginning_of(copying, FRIDAYS, MONDAY) is None

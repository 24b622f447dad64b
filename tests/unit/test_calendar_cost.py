from __future__ import annotations

import time as stopwatch
from datetime import UTC, datetime, time, timedelta

from inventory.calendar import Calendar, Span, WeeklyWindow

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_the_largest_calendar_that_may_be_declared_is_read_in_little_time() -> None:
    windows = tuple(WeeklyWindow(n % 7, time(n % 24, n // 24), 30, "Europe/Berlin") for n in range(50))
    fleets = tuple(Span(NOW + timedelta(days=73 * n), NOW + timedelta(days=73 * n + 1)) for n in range(50))
    theirs = tuple(Span(NOW + timedelta(days=72 * n + 0.5), NOW + timedelta(days=72 * n + 1)) for n in range(50))
    calendar = Calendar((windows, windows[:49]), fleets + theirs)
    began = stopwatch.process_time()
    assert calendar.next_opening(NOW) is not None
    assert stopwatch.process_time() - began < 1.0

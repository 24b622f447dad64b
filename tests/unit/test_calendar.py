"""When windows open: both changes of the clocks, the week's end, freezes, and windows shorter than what is to be done."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.calendar import NEVER, Calendar, Span, WeeklyWindow, every_day

MONDAY, SATURDAY, SUNDAY = 0, 5, 6
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Gaza")
moments = st.timedeltas(timedelta(0), timedelta(days=9000)).map(lambda age: datetime(2010, 1, 1, tzinfo=UTC) + age)
weekly = st.builds(
    WeeklyWindow,
    st.integers(0, 6),
    st.times().map(lambda t: t.replace(microsecond=0)),
    st.integers(1, 1440),
    st.sampled_from(ZONES),
)
freezes = st.builds(lambda at, days: Span(at, at + timedelta(days=days)), moments, st.integers(1, 60))
calendars = st.builds(
    Calendar,
    st.lists(st.lists(weekly, max_size=3).map(tuple), max_size=2).map(tuple),
    st.lists(freezes, max_size=2).map(tuple),
)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def berlin(weekday: int, opens: time, minutes: int) -> Calendar:
    return Calendar(((WeeklyWindow(weekday, opens, minutes, "Europe/Berlin"),),))


def test_without_windows_and_freezes_it_is_always_open():
    opening = Calendar().next_opening(utc(2026, 1, 1), lasting=timedelta(days=400))
    assert opening == Span(utc(2026, 1, 1), NEVER)


def test_the_missing_hour_of_spring_moves_forward_and_keeps_its_length():
    """Berlin, 29 March 2026: at 2:00 it is 3:00."""
    opening = berlin(SUNDAY, time(2, 30), 60).next_opening(utc(2026, 3, 28))
    assert opening == Span(utc(2026, 3, 29, 1, 30), utc(2026, 3, 29, 2, 30))
    assert opening.starts_at.astimezone(ZoneInfo("Europe/Berlin")).time() == time(3, 30)


def test_a_window_over_the_missing_hour_lasts_as_long_as_ever():
    opening = berlin(SUNDAY, time(1, 0), 180).next_opening(utc(2026, 3, 28))
    assert opening == Span(utc(2026, 3, 29, 0, 0), utc(2026, 3, 29, 3, 0))


def test_the_doubled_hour_of_autumn_counts_once():
    """Berlin, 25 October 2026: at 3:00 it is 2:00 again; 2:30 comes at 0:30 and at 1:30 UTC."""
    calendar = berlin(SUNDAY, time(2, 30), 30)
    opening = calendar.next_opening(utc(2026, 10, 24))
    assert opening == Span(utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 0))
    assert calendar.next_opening(utc(2026, 10, 25, 1, 0)) == Span(utc(2026, 11, 1, 1, 30), utc(2026, 11, 1, 2, 0))


def test_the_doubled_hour_makes_a_window_no_longer():
    opening = berlin(SUNDAY, time(1, 0), 180).next_opening(utc(2026, 10, 24))
    assert opening is not None
    assert opening.length == timedelta(hours=3)


def test_the_hour_stays_local_on_both_sides_of_a_change():
    calendar = berlin(MONDAY, time(22, 0), 60)
    assert calendar.next_opening(utc(2026, 3, 20)).starts_at == utc(2026, 3, 23, 21)
    assert calendar.next_opening(utc(2026, 3, 27)).starts_at == utc(2026, 3, 30, 20)


def test_a_day_that_a_country_left_out_moves_forward_too():
    """Samoa had no 30 December 2011, a Friday."""
    friday = Calendar(((WeeklyWindow(4, time(12, 0), 60, "Pacific/Apia"),),))
    opening = friday.next_opening(utc(2011, 12, 29))
    assert opening.starts_at.astimezone(ZoneInfo("Pacific/Apia")).date().isoformat() == "2011-12-31"


def test_a_window_passes_the_weeks_end():
    calendar = berlin(SUNDAY, time(23, 0), 180)
    half_past_one = utc(2026, 6, 14, 23, 30)  # Monday in Berlin
    assert calendar.is_open(half_past_one)
    assert calendar.open_until(half_past_one) == utc(2026, 6, 15, 0, 0)
    assert not calendar.is_open(utc(2026, 6, 15, 0, 0))


def test_windows_that_touch_are_one():
    both = (WeeklyWindow(SATURDAY, time(20, 0), 240), WeeklyWindow(SUNDAY, time(0, 0), 120))
    assert Calendar((both,)).next_opening(utc(2026, 6, 8), lasting=timedelta(hours=6)).length == timedelta(hours=6)


def test_what_is_left_of_an_open_window_must_hold_the_work_or_the_next_one_is_taken():
    calendar = berlin(MONDAY, time(22, 0), 60)
    inside = utc(2026, 6, 8, 20, 30)
    assert calendar.next_opening(inside, lasting=timedelta(minutes=30)).starts_at == inside
    assert calendar.next_opening(inside, lasting=timedelta(minutes=31)).starts_at == utc(2026, 6, 15, 20)


def test_a_window_shorter_than_the_work_never_comes_and_says_how_long_it_is():
    calendar = berlin(MONDAY, time(22, 0), 60)
    assert calendar.next_opening(utc(2026, 6, 8), lasting=timedelta(minutes=61)) is None
    assert calendar.longest(utc(2026, 6, 8)) == timedelta(hours=1)


def test_a_freeze_closes_windows_and_cuts_those_it_touches():
    window = WeeklyWindow(MONDAY, time(20, 0), 120)
    freeze = Span(utc(2026, 6, 8), utc(2026, 6, 15, 21))
    calendar = Calendar(((window,),), (freeze,))
    assert calendar.next_opening(utc(2026, 6, 7)) == Span(utc(2026, 6, 15, 21), utc(2026, 6, 15, 22))
    assert calendar.next_opening(utc(2026, 6, 7), lasting=timedelta(hours=2)).starts_at == utc(2026, 6, 22, 20)


def test_without_windows_a_freeze_alone_closes():
    freeze = Span(utc(2026, 12, 20), utc(2027, 1, 4))
    calendar = Calendar(freezes=(freeze,))
    assert calendar.open_until(utc(2026, 12, 19)) == utc(2026, 12, 20)
    assert calendar.open_until(utc(2026, 12, 25)) is None
    assert calendar.next_opening(utc(2026, 12, 25)) == Span(utc(2027, 1, 4), NEVER)


def test_of_two_groups_both_must_be_open():
    one, other = WeeklyWindow(MONDAY, time(20, 0), 120), WeeklyWindow(MONDAY, time(21, 0), 120)
    opening = Calendar(((one,), (other,))).next_opening(utc(2026, 6, 8))
    assert opening == Span(utc(2026, 6, 8, 21), utc(2026, 6, 8, 22))
    apart = WeeklyWindow(SATURDAY, time(21, 0), 120)
    assert Calendar(((one,), (apart,))).next_opening(utc(2026, 6, 8)) is None


def minutes_that_are_open(window: WeeklyWindow, around: datetime) -> set[datetime]:
    """Found the slow way: from each local day's opening on, minute by minute."""
    zone, found = ZoneInfo(window.time_zone), set()
    for days in range(-10, 11):
        day = (around + timedelta(days=days)).astimezone(zone).date()
        if day.weekday() == window.weekday:
            opened = datetime.combine(day, window.opens, tzinfo=zone).astimezone(UTC)
            found |= {opened + timedelta(minutes=n) for n in range(window.minutes)}
    return found


@settings(deadline=None, max_examples=40)
@given(weekly.map(lambda w: WeeklyWindow(w.weekday, w.opens.replace(second=0), w.minutes, w.time_zone)), moments)
def test_a_window_is_open_in_just_the_minutes_that_counting_finds(window: WeeklyWindow, around: datetime):
    calendar, minutes = Calendar(((window,),)), minutes_that_are_open(window, around)
    for step in range(-60, 7 * 24 * 60, 97):
        moment = around.replace(second=0, microsecond=0) + timedelta(minutes=step)
        assert calendar.is_open(moment) == (moment in minutes)


@settings(deadline=None, max_examples=60)
@given(calendars, moments, st.integers(0, 600))
def test_the_next_opening_is_open_long_enough_and_nothing_earlier_is(calendar: Calendar, at: datetime, minutes: int):
    lasting = timedelta(minutes=minutes)
    opening = calendar.next_opening(at, lasting=lasting)
    if opening is None:
        assert calendar.longest(at) < max(lasting, timedelta(seconds=1))
        return
    assert opening.starts_at >= at
    assert opening.length >= lasting
    assert calendar.is_open(opening.starts_at)
    assert calendar.open_until(opening.starts_at) == opening.ends_at
    assert not any(opening.starts_at in freeze for freeze in calendar.freezes)
    earlier = (span for span in calendar.openings(at, opening.starts_at) if span.starts_at < opening.starts_at)
    assert all(span.length < lasting for span in earlier)


@given(moments, st.sampled_from(ZONES))
def test_the_same_window_each_day_is_open_each_day(at: datetime, zone: str):
    calendar = every_day(time(2, 0), minutes=60, time_zone=zone)
    opening = calendar.next_opening(at)
    assert opening.starts_at - at <= timedelta(hours=49)  # a country may leave out a day

"""When a change may disturb people: weekly windows in local time, less freezes. Pure: no clock, no queries.

A window lasts its minutes, whatever local clocks do meanwhile. One that would open in the hour that is missing in spring
opens an hour later; one that opens in the hour that comes twice in autumn opens once, at its first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)
AHEAD = timedelta(
    days=15
)  # beyond the last freeze two whole weeks: weeks repeat, so what does not fit there never fits
YEAR = timedelta(days=400)  # but where windows of several zones meet: their clocks change on different days
NEVER = datetime.max.replace(tzinfo=UTC)
"""The end of an opening that nothing ends."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From a moment (aware, UTC) to another, which is no longer part of it."""

    starts_at: datetime
    ends_at: datetime

    @property
    def length(self) -> timedelta:
        return self.ends_at - self.starts_at

    def __contains__(self, moment: datetime) -> bool:
        return self.starts_at <= moment < self.ends_at


@dataclass(frozen=True, slots=True)
class WeeklyWindow:
    """Opens on a local weekday (0 is Monday) at a local time, for `minutes` (at most a day's); it may pass the week's end."""

    weekday: int
    opens: time
    minutes: int
    time_zone: str = "UTC"

    def openings(self, first: datetime, last: datetime) -> Iterator[Span]:
        """Every opening of which a part may lie between the two moments."""
        zone, length = ZoneInfo(self.time_zone), timedelta(minutes=self.minutes)
        day = (first - length).astimezone(zone).date() - ONE_DAY
        end = last.astimezone(zone).date() + ONE_DAY
        day += timedelta(days=(self.weekday - day.weekday()) % 7)
        while day <= end:
            opened = opens_on(day, self.opens, zone)
            yield Span(opened, opened + length)
            day += 7 * ONE_DAY


@dataclass(frozen=True, slots=True)
class Calendar:
    """Open while a window of every group is, and no freeze; an empty group asks for nothing."""

    groups: tuple[tuple[WeeklyWindow, ...], ...] = ()
    freezes: tuple[Span, ...] = ()

    @property
    def has_windows(self) -> bool:
        """False where nothing but freezes closes it."""
        return any(self.groups)

    def is_open(self, moment: datetime) -> bool:
        return any(moment in span for span in self.openings(moment, moment + timedelta(seconds=1)))

    def open_until(self, moment: datetime) -> datetime | None:
        """When the opening of that moment ends (NEVER: nothing ends it); None: it is closed then."""
        found = self.next_opening(moment)
        return found.ends_at if found and found.starts_at == moment else None

    def next_opening(self, moment: datetime, *, lasting: timedelta = timedelta(0)) -> Span | None:
        """The first opening at or after `moment` of which so much is left then; None: none is ever that long."""
        soon = moment + AHEAD  # nearly always enough; what may be cut at its end is left to the long look
        for span in self.openings(moment, soon):
            if span.length >= lasting and (span.ends_at <= soon or span.ends_at == NEVER):
                return span
        return next((span for span in self._worth_a_look(moment) if span.length >= lasting), None)

    def longest(self, moment: datetime) -> timedelta:
        """How long the longest opening of the weeks after `moment` is; zero: it never opens."""
        return max((span.length for span in self._worth_a_look(moment)), default=timedelta(0))

    def openings(self, first: datetime, last: datetime) -> Iterator[Span]:
        """What is open between the two moments, in order, none touching the next; the first is cut at `first`."""
        spans = [Span(first, NEVER)]
        for group in self.groups:
            if group:
                spans = _both(spans, _merged(_all_of(group, first, last)))
        spans = _without(spans, _merged(self.freezes))
        yield from (span for span in spans if span.starts_at <= last)

    def _worth_a_look(self, moment: datetime) -> Iterator[Span]:
        last = max([moment, *(freeze.ends_at for freeze in self.freezes)])
        return self.openings(moment, last + (YEAR if len(self.groups) > 1 else AHEAD))


def opens_on(day: date, at: time, zone: ZoneInfo) -> datetime:
    """A local time of a day as a moment (UTC): a missing one an hour later, a doubled one at its first."""
    return datetime.combine(day, at.replace(fold=0), tzinfo=zone).astimezone(UTC)


def every_day(opens: time, *, minutes: int, time_zone: str) -> Calendar:
    """The same window on each day of the week."""
    return Calendar((tuple(WeeklyWindow(weekday, opens, minutes, time_zone) for weekday in range(7)),))


def _all_of(group: Iterable[WeeklyWindow], first: datetime, last: datetime) -> list[Span]:
    return [span for window in group for span in window.openings(first, last)]


def _merged(spans: Iterable[Span]) -> list[Span]:
    """In order, with those that touch as one."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.starts_at <= merged[-1].ends_at:
            merged[-1] = Span(merged[-1].starts_at, max(merged[-1].ends_at, span.ends_at))
        else:
            merged.append(span)
    return merged


def _both(some: Iterable[Span], others: list[Span]) -> list[Span]:
    """What lies in a span of either; each list is in order, and its spans do not touch."""
    found, ones, rest = [], deque(some), deque(others)
    while ones and rest:
        cut = Span(max(ones[0].starts_at, rest[0].starts_at), min(ones[0].ends_at, rest[0].ends_at))
        if cut.starts_at < cut.ends_at:
            found.append(cut)
        (ones if ones[0].ends_at <= rest[0].ends_at else rest).popleft()
    return found


def _without(spans: list[Span], freezes: list[Span]) -> list[Span]:
    """What is left of spans; both are in order, and none touches the next."""
    left, rest = [], deque(freezes)
    for span in spans:
        begins = span.starts_at
        while rest and rest[0].ends_at <= begins:
            rest.popleft()
        for freeze in _up_to(rest, span.ends_at):
            if begins < freeze.starts_at:
                left.append(Span(begins, freeze.starts_at))
            begins = max(begins, freeze.ends_at)
        if begins < span.ends_at:
            left.append(Span(begins, span.ends_at))
    return left


def _up_to(freezes: Iterable[Span], end: datetime) -> Iterator[Span]:
    return takewhile(lambda freeze: freeze.starts_at < end, freezes)

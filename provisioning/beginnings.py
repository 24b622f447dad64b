"""Pure: when to begin a change that copies for long and disturbs at its end only, so that its end meets a window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory.calendar import Calendar, Span

HOLD = timedelta(hours=23)
"""For so long a copied database may wait for its switch: Azure's 24 hours (Microsoft, convert a database to Hyperscale, 2026),
less one for looks that come late."""
MOST_UNSURE = timedelta(hours=6)
LATE = timedelta(minutes=1)
"""For so long after a window has opened a worker may be on its way; a window that is chosen has so much to spare."""


@dataclass(frozen=True, slots=True)
class Copying:
    """About `seconds` of copying, then up to `switch_seconds` of disturbance: within `hold` after it, or at once."""

    seconds: float
    switch_seconds: float
    hold: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Beginning:
    """Begin at `at`, and the copy is ready for `opening`. `waits`: it opens after the copy may be done."""

    at: datetime
    opening: Span
    waits: bool


def beginning_of(copying: Copying, calendar: Calendar, now: datetime) -> Beginning | None:
    """The latest beginning that serves the next opening, `now` or earlier where it need not wait; None: no opening is long
    enough. A copy may take a quarter more or less than expected."""
    lasts, switch = timedelta(seconds=copying.seconds), timedelta(seconds=copying.switch_seconds)
    unsure = min(lasts / 4, MOST_UNSURE)
    if copying.hold:
        ready, needs = now + lasts + unsure, switch + LATE
    else:  # half of a window is left for beginning late
        unsure = min(unsure, max(calendar.longest(now) - switch, timedelta(0)) / 4)
        ready, needs = now + lasts - unsure, switch + 2 * unsure
    opening = calendar.next_opening(ready, lasting=needs)
    if opening is None:
        return None
    at = opening.starts_at - copying.hold - lasts + unsure
    return Beginning(at, opening, waits=opening.starts_at > ready)

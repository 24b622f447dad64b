"""Pure: slots of five minutes, when a meter is due, and what an answer says of its slots.

A slot is a whole number: five minutes since the epoch (UTC).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

SLOT_SECONDS = 300
SLOTS_AN_HOUR = 12
WEEK_HOURS = 168
MOST_SLOTS = 288  # asked for at once: a day
LATE_SLOTS = 24  # a point that has not come after so long is a gap
SECOND_LOOK_SLOTS = 72  # a gap is looked at once more when it is so old
CATCH_UP_SLOTS = 7 * 288  # what was missed before is not asked for any more
NEIGHBOURS = 50  # meters that are due at the same minute of the hour, so that they fill a call
FIRST_MONDAY_HOURS = 72  # the epoch began on a Thursday

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def slot_of(at: datetime) -> int:
    """The slot in which a moment lies."""
    return int(at.timestamp()) // SLOT_SECONDS


def start_of(slot: int) -> datetime:
    """Where a slot begins."""
    return datetime.fromtimestamp(slot * SLOT_SECONDS, UTC)


def hour_of(slot: int) -> int:
    """Hours since the epoch."""
    return slot // SLOTS_AN_HOUR


def week_hour(hour: int) -> int:
    """0 to 167 of hours since the epoch; 0 is Monday's first, UTC."""
    return (hour + FIRST_MONDAY_HOURS) % WEEK_HOURS


def closed_until(now: datetime, *, lag_seconds: float) -> int:
    """Slots before this one are over, and Azure has had `lag_seconds` to measure them."""
    return int(now.timestamp() - lag_seconds) // SLOT_SECONDS


def next_look(sampled_until: int, *, every_slots: int, meter: int) -> int:
    """The slot at whose beginning a meter that knows all before `sampled_until` is due.

    Those looked at once an hour have a minute of the hour of their own, fifty neighbours the same one: what an outage has
    brought together drifts apart again. Their first step is between half and one and a half times as long.
    """
    if every_slots == 1:
        return sampled_until + 1
    phase = meter // NEIGHBOURS % every_slots
    earliest = sampled_until + every_slots // 2
    return earliest + (phase - earliest) % every_slots


@dataclass(frozen=True, slots=True)
class Asked:
    """Meters of one call: from which slot on each wants points, whether it ever had one, and the span, end excluded."""

    since: Ints
    known_before: Flags
    first: int
    until: int


@dataclass(frozen=True, slots=True)
class Seen:
    """By meter and slot: points that are wanted, and gaps. By meter: how far it knows now; its first point, or -1."""

    points: Flags
    gaps: Flags
    sampled_until: Ints
    first_point: Ints


def judge(asked: Asked, there: Flags, *, closed: int) -> Seen:
    """What is there, what is given up as a gap, and what is asked for again. `there`: [meter, slot].

    Before its first point a meter has no gaps: nothing may have been there to measure.
    """
    slots = np.arange(asked.first, asked.until)
    points = there & (slots >= asked.since[:, None])
    has_any = points.any(axis=1)
    first_point = np.where(has_any, asked.first + points.argmax(axis=1), -1)
    began = np.where(asked.known_before, asked.since, np.where(has_any, first_point, asked.until))
    missing = ~there & (slots >= began[:, None])
    gaps = missing & (slots < closed - LATE_SLOTS)
    pending = missing & ~gaps
    until = np.where(pending.any(axis=1), asked.first + pending.argmax(axis=1), asked.until)
    newcomer = ~asked.known_before & ~has_any
    until = np.where(newcomer, np.maximum(asked.since, min(asked.until, closed - LATE_SLOTS)), until)
    return Seen(points, gaps, np.maximum(until, np.minimum(asked.since, asked.until)), first_point)

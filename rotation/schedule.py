"""When a credential is rotated. Pure but for `policy_of`: no clock, no queries, nothing random.

Every database has its own fixed phase within the period, drawn from its id. So any number of credentials is spread evenly,
whatever was created, caught up or rotated by hand together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings

from inventory.calendar import Calendar, Span, every_day, opens_on
from inventory.models import Database

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
REST_SHARE = 0.1  # of the policy's days: so long a fresh credential is left alone; the period is what remains
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of the day in which rotations may start, in a time zone; it may pass midnight. Equal hours: the whole day."""

    first_hour: int
    end_hour: int
    time_zone: str = "UTC"

    @property
    def length(self) -> timedelta:
        return timedelta(hours=(self.end_hour - self.first_hour) % 24 or 24)

    def opens_on(self, moment: datetime) -> datetime:
        """When the window of that moment's local day opens (aware, UTC)."""
        zone = ZoneInfo(self.time_zone)
        return opens_on(moment.astimezone(zone).date(), time(self.first_hour), zone)

    def calendar(self, freezes: Sequence[Span] = ()) -> Calendar:
        """The same window every day, less freezes."""
        minutes = self.length // timedelta(minutes=1)
        daily = every_day(time(self.first_hour), minutes=minutes, time_zone=self.time_zone)
        return Calendar(daily.groups, tuple(freezes))

    def holds(self, moment: datetime) -> bool:
        """True while it is open, also when it opened the day before."""
        return self.calendar().is_open(moment)


@dataclass(frozen=True, slots=True)
class Policy:
    """How old a credential may become, in days, before it is rotated; and when that may begin."""

    days: int
    window: Window | None = None


def next_rotation_at(database_id: UUID, promoted_at: datetime, policy: Policy) -> datetime:
    """When a credential promoted at `promoted_at` is due: at its database's phase, never later than the policy's days.

    Within a window it may be up to a day earlier.
    """
    whole = timedelta(days=policy.days)
    rest, period = whole * REST_SHARE, whole * (1 - REST_SHARE)
    phase = EPOCH + period * share_of(database_id, "phase")
    periods = -((phase - promoted_at - rest) // period)
    due = phase + periods * period
    if policy.window is None:
        return due
    return _within(policy.window, database_id, earliest=promoted_at + rest, due=due)


def start_at(
    database_id: UUID, now: datetime, policy: Policy, *, promoted_at: datetime, freezes: Sequence[Span] = ()
) -> datetime:
    """When a rotation that is due may begin: now, or in the next window that no freeze closes; a day overdue it no longer
    waits for one."""
    calendar = policy.window.calendar(freezes) if policy.window else Calendar(freezes=tuple(freezes))
    opening = calendar.next_opening(now)
    latest = promoted_at + timedelta(days=policy.days + 1)
    if opening is None or opening.starts_at <= now or now > latest:
        return now
    return min(opening.starts_at + min(opening.length, ONE_DAY) * share_of(database_id, "window"), max(latest, now))


def share_of(database_id: UUID, what: str) -> float:
    """A number from 0 to 1, even over databases, always the same for one."""
    digest = hashlib.blake2b(database_id.bytes + what.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def policy_of(database: Database) -> Policy:
    """The workspace's policy within the platform's bounds; the platform's own for a database without a workspace."""
    workspace = database.service.workspace if database.service else None
    days = (workspace and workspace.rotation_days) or settings.ROTATION_DAYS
    bounded = min(max(days, settings.ROTATION_DAYS_MINIMUM), settings.ROTATION_DAYS_MAXIMUM)
    if workspace is None or workspace.rotation_first_hour is None or workspace.rotation_end_hour is None:
        return Policy(bounded)
    window = Window(workspace.rotation_first_hour, workspace.rotation_end_hour, workspace.time_zone)
    return Policy(bounded, window)


def _within(window: Window, database_id: UUID, *, earliest: datetime, due: datetime) -> datetime:
    """The database's own place in the last window before `due`; where that is too early, in the first one after."""
    place = window.length * share_of(database_id, "window")
    places = [window.opens_on(due + n * ONE_DAY) + place for n in (-1, 0, 1, 2)]
    fitting = [one for one in places if earliest <= one <= due]
    return max(fitting) if fitting else min(one for one in places if one >= earliest)

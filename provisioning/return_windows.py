"""When the way back from Hyperscale may copy: Azure holds no switch on it, so its copy has to end in a window."""

from __future__ import annotations

from datetime import datetime, timedelta

from cloud.running import DatabaseRun
from inventory.calendars import calendar_of
from inventory.models import Database
from operations import clock
from operations.models import Operation
from operations.outcomes import Outcome, StepError
from provisioning import copying, runs
from provisioning.beginnings import Beginning, Copying, beginning_of
from provisioning.errors import ReturnNotPossible
from provisioning.holding import let_go
from provisioning.targets import database_of
from provisioning.tier_changes import RETURN_DAYS, return_until
from provisioning.windows import calendar_for, wait_to_begin

KIND = "convert_back"
SWITCH_SECONDS = 300.0  # "some minutes" (Microsoft, reverse migrate from Hyperscale, 2025)


def refuse_far_window(database: Database) -> None:
    """Raise ReturnNotPossible where a copy that ends in the next window would begin after Azure's last day."""
    now, until = clock.now(), return_until(database)
    lasts = Copying(copying.expected_seconds(KIND, database.size_bytes), SWITCH_SECONDS)
    beginning = beginning_of(lasts, calendar_of([database.service.workspace] if database.service else [], now), now)
    if beginning is not None and until is not None and beginning.at > until:
        raise ReturnNotPossible(_too_late(beginning.at, until))


def wait_to_copy(operation: Operation) -> Outcome:
    """Go on when its copy may begin. Raises StepError ReturnNotPossible where that comes after Azure's last day."""
    beginning, until = _beginning(operation, clock.now()), return_until(database_of(operation))
    if beginning is not None and until is not None and beginning.at > until:
        raise StepError(ReturnNotPossible.code, _too_late(beginning.at, until))
    return let_go(operation, wait_to_begin(operation, _copying(operation)))


def has_to_wait(operation: Operation) -> bool:
    """Whether a copy that began only now would end outside of windows; ask right before the call that begins it."""
    now = clock.now()
    beginning = _beginning(operation, now)
    return beginning is None or beginning.at > now


def is_taken_away(operation: Operation, run: DatabaseRun) -> bool:
    """Whether it would switch in a time that was open when its copy began and is not any more: somebody has declared a freeze,
    or other windows. A copy that merely takes too long is let go on."""
    now, window = clock.now(), operation.choices["window"]
    opens_at, ends_at = (datetime.fromisoformat(window[name]) for name in ("opens_at", "ends_at"))
    last = max(ends_at - timedelta(seconds=1), now)
    calendar = calendar_for(operation, now, minds_windows=now < ends_at)
    return not calendar.is_open(min(max(now + _left_of(operation, run), opens_at), last))


def _beginning(operation: Operation, now: datetime) -> Beginning | None:
    return beginning_of(_copying(operation), calendar_for(operation, now), now)


def _left_of(operation: Operation, run: DatabaseRun) -> timedelta:
    told = runs.progress(operation, run, seconds=float(operation.choices["expected_seconds"]))
    assert operation.claimed_at is not None
    return datetime.fromisoformat(told["expected_end_at"]) - operation.claimed_at


def _copying(operation: Operation) -> Copying:
    return Copying(float(operation.choices["expected_seconds"]), SWITCH_SECONDS)


def _too_late(begins_at: datetime, until: datetime) -> str:
    return (
        f"To end in a window, its copy could begin at {begins_at:%Y-%m-%d %H:%M} UTC; Azure takes the database back until "
        f"{until:%Y-%m-%d %H:%M} UTC, {RETURN_DAYS} days after its conversion. Name an earlier window."
    )

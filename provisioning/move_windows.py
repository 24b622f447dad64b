"""When a move may begin that copies data: one into a pool with other zones. Azure holds no switch on it, so it has to be over
in a window: all of it where a window is that long, else its end."""

from __future__ import annotations

from math import ceil

from django.conf import settings

from inventory.models import Database, Workspace
from operations import clock
from operations.models import Operation
from operations.outcomes import Outcome
from provisioning import copying
from provisioning.beginnings import Copying, beginning_of
from provisioning.durations import expected_seconds
from provisioning.windows import calendar_for, is_over, opening_for, wait_for_window, wait_to_begin

KIND = "move_database"
SWITCH_SECONDS = 30.0  # unavailable usually for less (Microsoft, scale elastic pool resources, 2025)
UNSURE = 1.25  # a copy may take a quarter longer


def changes_zones(operation: Operation, database: Database) -> bool:
    """Whether its data are copied: zone-redundant pools keep them on other storage than the rest (Microsoft, scale elastic
    pool resources: premium file shares go by the size of data). Other moves within a tier copy nothing."""
    wished = operation.input.get("zone_redundant")
    return wished is not None and database.pool is not None and wished != database.pool.is_zone_redundant


def seconds_for(data_bytes: int) -> float:
    """What any move takes, and the copy of so many bytes."""
    return settings.EXPECTED_CHANGE_SECONDS + data_bytes / copying.GIBIBYTE * copying.seconds_per_gb(KIND)


def wait_to_move(operation: Operation, database: Database) -> Outcome:
    """Go on when it may begin, as `wait_for_window` and `wait_to_begin` do."""
    copied = copying_of(operation)
    if copied is None:
        return wait_for_window(operation, expected_seconds=expected_seconds(operation.kind))
    if fits_a_window(copied, [database.service.workspace] if database.service else []):
        return wait_for_window(operation, expected_seconds=whole(copied))
    return wait_to_begin(operation, copied)


def is_late(operation: Operation) -> bool:
    """Whether it would not be over in its window any more; ask right before the call that begins it."""
    copied, window = copying_of(operation), operation.choices.get("window", {})
    if copied is None or window.get("expected_seconds", 0.0) > copied.switch_seconds:
        return is_over(operation)
    now = clock.now()
    beginning = beginning_of(copied, calendar_for(operation, now), now)
    return beginning is None or beginning.at > now


def copying_of(operation: Operation) -> Copying | None:
    """What it copies, once that was looked at; None: nothing."""
    seconds = operation.choices.get("expected_seconds")
    return None if seconds is None else Copying(float(seconds), SWITCH_SECONDS)


def whole(copied: Copying) -> float:
    """How long a window has to be that holds all of it, in seconds: so many whole minutes, whatever a few bytes more are."""
    return 60.0 * ceil((copied.seconds * UNSURE + copied.switch_seconds) / 60)


def fits_a_window(copied: Copying, workspaces: list[Workspace]) -> bool:
    """Whether the windows of all of them are ever that long."""
    return opening_for(workspaces, expected_seconds=whole(copied)).span is not None

"""When changes may disturb a workspace, or the fleet: its windows and freezes, declared as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import available_timezones

from django.db import transaction

from inventory.models import Freeze, MaintenanceWindow, Workspace
from operations import audit, clock
from operations.services import serialise
from provisioning.errors import MaintenanceNotPossible
from provisioning.windows import wake_those_who_wait

MOST_OF_EACH = 50
LONGEST_FREEZE = timedelta(days=400)
FURTHEST_FREEZE = timedelta(days=3650)
FLEET = "fleet"


@dataclass(frozen=True, slots=True, order=True)
class WindowWish:
    """Opens on a local weekday (0 is Monday) at a local time, for minutes."""

    weekday: int
    opens: time
    minutes: int
    time_zone: str


@dataclass(frozen=True, slots=True, order=True)
class FreezeWish:
    """No disturbance from one moment to another (aware), and why."""

    starts_at: datetime
    ends_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class MaintenanceWish:
    """All windows and all freezes; no windows: at any time, or as the fleet where it is a workspace's."""

    windows: frozenset[WindowWish] = frozenset()
    freezes: frozenset[FreezeWish] = frozenset()


@transaction.atomic
def define_maintenance(workspace: Workspace | None, wish: MaintenanceWish, *, actor: str) -> None:
    """Replace windows and freezes of a workspace, or of the fleet. Operations that wait for a window look again at once.

    Raises MaintenanceNotPossible.
    """
    _check(wish, clock.now())
    serialise(f"maintenance:{workspace.pk if workspace else FLEET}")
    before = present_maintenance(workspace)
    if before == wish:
        return
    MaintenanceWindow.objects.filter(workspace=workspace).delete()
    Freeze.objects.filter(workspace=workspace).delete()
    MaintenanceWindow.objects.bulk_create(
        MaintenanceWindow(
            workspace=workspace, weekday=w.weekday, opens=w.opens, minutes=w.minutes, time_zone=w.time_zone
        )
        for w in sorted(wish.windows)
    )
    Freeze.objects.bulk_create(
        Freeze(workspace=workspace, starts_at=f.starts_at, ends_at=f.ends_at, reason=f.reason)
        for f in sorted(wish.freezes)
    )
    _record(workspace, before, wish, actor=actor)
    wake_those_who_wait()


def present_maintenance(workspace: Workspace | None) -> MaintenanceWish:
    """The windows and freezes that were last declared, past freezes too."""
    windows = MaintenanceWindow.objects.filter(workspace=workspace)
    freezes = Freeze.objects.filter(workspace=workspace)
    return MaintenanceWish(
        frozenset(WindowWish(row.weekday, row.opens, row.minutes, row.time_zone) for row in windows),
        frozenset(FreezeWish(row.starts_at, row.ends_at, row.reason) for row in freezes),
    )


def _check(wish: MaintenanceWish, now: datetime) -> None:
    """Raises MaintenanceNotPossible, saying what would be possible."""
    if max(len(wish.windows), len(wish.freezes)) > MOST_OF_EACH:
        raise MaintenanceNotPossible(f"There may be {MOST_OF_EACH} windows and {MOST_OF_EACH} freezes.")
    for window in wish.windows:
        if window.time_zone not in available_timezones():
            raise MaintenanceNotPossible(
                f"There is no time zone {window.time_zone}; names are IANA's, e.g. Europe/Berlin."
            )
    opened = [(window.weekday, window.opens, window.time_zone) for window in wish.windows]
    if len(set(opened)) < len(opened):
        raise MaintenanceNotPossible("Two windows open at the same time.")
    for freeze in wish.freezes:
        if abs(freeze.starts_at - now) > FURTHEST_FREEZE:
            raise MaintenanceNotPossible("A freeze starts within ten years of now.")
        if not timedelta(0) < freeze.ends_at - freeze.starts_at <= LONGEST_FREEZE:
            raise MaintenanceNotPossible(f"A freeze ends after it starts, at most {LONGEST_FREEZE.days} days later.")


def _record(workspace: Workspace | None, before: MaintenanceWish, after: MaintenanceWish, *, actor: str) -> None:
    audit.record(
        "maintenance.changed",
        actor=actor,
        target=workspace.key if workspace else FLEET,
        workspace=workspace.name if workspace else "",
        before=_as_dict(before),
        after=_as_dict(after),
    )


def _as_dict(wish: MaintenanceWish) -> dict[str, Any]:
    return {"windows": _listed(wish.windows), "freezes": _listed(wish.freezes)}


def _listed(wishes: Iterable[WindowWish] | Iterable[FreezeWish]) -> list[list[str]]:
    names = {WindowWish: ("weekday", "opens", "minutes", "time_zone"), FreezeWish: ("starts_at", "ends_at", "reason")}
    return [[str(getattr(wish, name)) for name in names[type(wish)]] for wish in sorted(wishes)]

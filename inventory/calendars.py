"""The calendars of workspaces and of the fleet, from their rows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from inventory.calendar import Calendar, Span, WeeklyWindow
from inventory.models import Freeze, MaintenanceWindow, Workspace


def fleet_calendar(now: datetime) -> Calendar:
    """What holds for changes that concern no workspace in particular."""
    return calendar_of((), now)


def calendar_of(workspaces: Collection[Workspace], now: datetime) -> Calendar:
    """When all of these may be disturbed at once. Each has windows of its own, or the fleet's; every freeze counts, the
    fleet's too. Freezes that are over by `now` are left out."""
    theirs = Q(workspace__isnull=True) | Q(workspace__in=workspaces)
    windows: dict[object, list[WeeklyWindow]] = {}
    for row in MaintenanceWindow.objects.filter(theirs).order_by("weekday", "opens"):
        windows.setdefault(row.workspace_id, []).append(row.weekly)
    fleet = windows.pop(None, [])
    asked = [windows.get(workspace.pk, fleet) for workspace in workspaces] or [fleet]
    freezes = Freeze.objects.filter(theirs, ends_at__gt=now).order_by("starts_at")
    return Calendar(tuple(dict.fromkeys(tuple(group) for group in asked)), tuple(row.span for row in freezes))


def freezes_by_workspace(now: datetime) -> dict[UUID | None, list[Span]]:
    """Every freeze that is not over by `now`, by the id of its workspace; those of the fleet under None."""
    found: dict[UUID | None, list[Span]] = {}
    for row in Freeze.objects.filter(ends_at__gt=now).order_by("starts_at"):
        found.setdefault(row.workspace_id, []).append(row.span)
    return found


def fleet_freezes(now: datetime) -> Calendar:
    """Only what the fleet's operators forbid: no windows, no freeze of a workspace."""
    rows = Freeze.objects.filter(workspace__isnull=True, ends_at__gt=now).order_by("starts_at")
    return Calendar(freezes=tuple(row.span for row in rows))

from __future__ import annotations

from datetime import time, timedelta

import pytest
from django.test import Client

from controlplane.console.display import page_address, row_address
from inventory.models import Freeze, MaintenanceWindow, Workspace
from operations import clock
from provisioning.windows import opening_for
from tests.builders import a_region, a_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return a_workspace("cigna", a_region("eastus"))


def a_window(workspace: Workspace | None, *, weekday: int = 5) -> MaintenanceWindow:
    return MaintenanceWindow.objects.create(
        workspace=workspace, weekday=weekday, opens=time(22), minutes=120, time_zone="Europe/Berlin"
    )


def a_freeze(workspace: Workspace | None, *, starts_in_hours: int, reason: str) -> Freeze:
    starts_at = clock.now() + timedelta(hours=starts_in_hours)
    return Freeze.objects.create(
        workspace=workspace, starts_at=starts_at, ends_at=starts_at + timedelta(hours=2), reason=reason
    )


def page_of(console: Client, row: object) -> str:
    return console.get(row_address(row)).content.decode()


def test_a_workspace_shows_the_fleets_windows_until_it_has_its_own(console: Client, workspace: Workspace) -> None:
    assert "at any time" in page_of(console, workspace)
    a_window(None)
    assert "The fleet&#x27;s windows" in page_of(console, workspace)
    a_window(workspace, weekday=6)
    page = page_of(console, workspace)
    assert "Its own windows" in page
    assert "Sunday 22:00 Europe/Berlin, 2 h" in page
    assert "Saturday" not in page


def test_a_workspace_shows_what_is_frozen_for_it_now_or_later(console: Client, workspace: Workspace) -> None:
    other = a_workspace("humana", a_region("eastus"))
    for whose, hours, reason in (
        (workspace, -1, "open enrolment"),
        (None, 5, "year's end"),
        (other, -1, "of others"),
        (workspace, -9, "long over"),
    ):
        a_freeze(whose, starts_in_hours=hours, reason=reason)
    page = page_of(console, workspace)
    assert "open enrolment" in page
    assert "year&#x27;s end" in page
    assert "of others" not in page
    assert "long over" not in page


def test_the_next_opening_is_the_one_after_the_freeze(console: Client, workspace: Workspace) -> None:
    freeze = Freeze.objects.create(
        workspace=None, starts_at=clock.now(), ends_at=clock.now() + timedelta(days=3000), reason="lawsuit"
    )
    a_window(workspace)
    opening = opening_for([workspace], expected_seconds=0)
    assert opening.span is not None
    assert opening.span.starts_at > freeze.ends_at
    assert opening.span.starts_at.isoformat()[:16] in page_of(console, workspace)


def test_the_lists_say_whose_they_are_and_what_holds_now(console: Client, workspace: Workspace) -> None:
    a_window(None)
    a_window(workspace)
    a_freeze(workspace, starts_in_hours=-1, reason="open enrolment")
    windows = console.get(page_address(MaintenanceWindow, "changelist")).content.decode()
    assert "the fleet" in windows
    assert "cigna" in windows
    freezes = console.get(page_address(Freeze, "changelist")).content.decode()
    assert "open enrolment" in freezes
    assert ">now<" in freezes

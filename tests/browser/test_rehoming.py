"""An operator moves a database to another server in a real browser: chooses, reads the plan, applies it."""

from __future__ import annotations

import os
from pathlib import Path

from controlplane.console.display import row_address
from operations.models import Operation
from tests.browser.conftest import Window
from tests.builders import TIB, a_pool, a_server
from tests.fleets import Fleet

PICTURES = os.environ.get("PICTURES")
"""A directory for pictures of the pages, for people to look at."""


def take_picture(window: Window, name: str) -> None:
    if PICTURES:
        window.page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def test_the_plan_is_read_and_applied(window: Window, fleet: Fleet) -> None:
    database = fleet.databases[2]
    server = a_server(database.server.region, subscription=database.server.subscription, status="ready")
    a_pool(server, max_size_bytes=2 * TIB)
    window.open(row_address(database))
    take_picture(window, "database")
    window.page.get_by_role("link", name="Move to another server").click()
    window.page.get_by_label("Where to").select_option(str(server.pk))
    window.page.get_by_role("button", name="Show the plan").click()
    window.page.wait_for_selector("text=Apply this plan")
    take_picture(window, "plan")
    shown = window.page.locator("body").inner_text()
    assert "2 times, up to 60 seconds each" in shown
    assert "The endpoint changes" in shown
    window.page.get_by_label("to confirm").fill(database.azure_name)
    window.page.get_by_label("Reason to move it").fill("It is retired.")
    window.page.get_by_role("button", name="Apply this plan").click()
    window.page.wait_for_selector("text=The database moves to")
    take_picture(window, "applied")
    assert Operation.objects.get(kind="rehome_database").actor == "operator:alice"
    assert window.complaints == []

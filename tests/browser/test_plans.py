"""An operator reads plans in a real browser, and applies them: a drain, and a change in hops."""

from __future__ import annotations

from controlplane.console.display import row_address
from operations.models import Operation
from tests.browser.conftest import Window
from tests.browser.test_rehoming import take_picture
from tests.fleets import Fleet


def test_a_drain_is_read_and_applied(window: Window, fleet: Fleet) -> None:
    pool = fleet.databases[2].pool
    window.open(row_address(pool))
    take_picture(window, "pool")
    window.page.get_by_role("link", name="Drain").click()
    window.page.wait_for_selector("text=Apply this plan")
    take_picture(window, "drain")
    shown = window.page.locator("body").inner_text()
    for part in ("What is noticed", "Connections drop", "It takes about", "A month after", "The way back"):
        assert part in shown, part
    window.page.get_by_label("to confirm").fill(pool.azure_name)
    window.page.get_by_label("Reason").fill("It is retired.")
    window.page.get_by_role("button", name="Apply this plan").click()
    window.page.wait_for_selector("text=The pool is closed and being emptied.")
    assert Operation.objects.get(kind="drain_pool").actor == "operator:alice"
    assert window.complaints == []


def test_a_change_in_hops_is_chosen_read_and_applied(window: Window, fleet: Fleet) -> None:
    database = fleet.databases[2]
    window.open(row_address(database))
    take_picture(window, "database-plans")
    window.page.get_by_role("link", name="Change tier, zones or backups").click()
    take_picture(window, "hops-choice")
    window.page.get_by_label("Zones").select_option("yes")
    window.page.get_by_label("Backups kept").select_option("Zone")
    window.page.get_by_role("button", name="Show the plan").click()
    window.page.wait_for_selector("text=Apply this plan")
    take_picture(window, "hops-plan")
    window.page.get_by_label("to confirm").fill(database.azure_name)
    window.page.get_by_label("Reason").fill("Zones are wanted.")
    window.page.get_by_role("button", name="Apply this plan").click()
    window.page.wait_for_selector("text=hop by hop")
    assert Operation.objects.get(kind="change_database").actor == "operator:alice"
    assert window.complaints == []

from __future__ import annotations

import pytest

from controlplane.console.display import page_address, row_address
from notifications.models import Delivery, Notice, Receiver
from tests.browser.conftest import Window
from tests.builders import a_workspace
from tests.fleets import Fleet
from tests.notifying import a_receiver_with_a_dead_letter, told

LONG = "https://" + "a-very-long-name-of-a-host." * 6 + "example.com/" + "path/" * 30


@pytest.fixture
def receiver(fleet: Fleet) -> Receiver:
    """One that nothing reaches, with a long address."""
    row = a_receiver_with_a_dead_letter(a_workspace("cigna"))
    error = "NotReached: It did not answer in time."
    Receiver.objects.update(state="active", failures=7, address=LONG, last_error=error)
    told(a_workspace("cigna"), "change.window_too_short")
    row.refresh_from_db()
    return row


def pages(receiver: Receiver) -> list[str]:
    rows = (receiver, Delivery.objects.filter(state="dead").get(), Notice.objects.earliest("created_at"))
    return [*(page_address(type(row), "changelist") for row in rows), *(row_address(row) for row in rows)]


def test_an_operator_sends_a_dead_letter_again(window: Window, receiver: Receiver) -> None:
    page = window.page
    window.open(page_address(Delivery, "changelist"))
    page.locator("#result_list tbody a").first.click()
    page.get_by_label("Reason to send again").fill("their service is back")
    page.get_by_role("button", name="Send again").click()
    page.wait_for_load_state("load")
    assert "sent again" in page.locator("body").inner_text()
    assert Delivery.objects.get().state == "pending"
    assert window.complaints == []


def test_pages_of_notifications_fit_a_phone_and_bother_nobody(window: Window, receiver: Receiver) -> None:
    window.page.set_viewport_size({"width": 390, "height": 844})
    for address in pages(receiver):
        window.open(address)
        assert window.complaints == [], address
        assert window.page.evaluate("document.documentElement.scrollWidth") <= 390, address

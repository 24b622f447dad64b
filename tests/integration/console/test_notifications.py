"""The console's inbox, receivers and dead letters."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from controlplane.console.display import page_address, row_address
from notifications.models import Delivery, Notice, Receiver
from operations.models import AuditEvent
from tests.builders import a_workspace
from tests.notifying import a_receiver_with_a_dead_letter


@pytest.fixture
def receiver(db: None) -> Receiver:
    row = a_receiver_with_a_dead_letter(a_workspace("cigna"))
    Receiver.objects.update(state="active", failures=3, last_error="NotReached: It did not answer in time.")
    row.refresh_from_db()
    return row


def press(console: Client, row: object, button: str, **typed: str) -> str:
    answer = console.post(f"{row_address(row).removesuffix('change/')}press/{button}/", typed, follow=True)
    return answer.content.decode()


def test_what_happened_is_listed_and_explained(console: Client, receiver: Receiver) -> None:
    assert "Grow database has begun" in console.get(page_address(Notice, "changelist")).content.decode()
    page = console.get(row_address(Notice.objects.get())).content.decode()
    assert receiver.address in page
    assert "change.started" in page


def test_a_receiver_that_nothing_reaches_says_why(console: Client, receiver: Receiver) -> None:
    listed = console.get(page_address(Receiver, "changelist")).content.decode()
    assert "failing" in listed
    page = console.get(row_address(receiver)).content.decode()
    assert "It did not answer in time." in page
    assert "It answered 500." in page


def test_a_dead_letter_is_sent_again_with_a_reason(console: Client, receiver: Receiver) -> None:
    letter = Delivery.objects.get()
    assert "It answered 500." in console.get(page_address(Delivery, "changelist")).content.decode()
    press(console, letter, "replay")
    assert Delivery.objects.get().state == "dead", "without a reason nothing is done"
    press(console, letter, "replay", reason="It is back.")
    assert Delivery.objects.get().state == "pending"
    event = AuditEvent.objects.get(action="receiver.replayed")
    assert (event.actor, event.reason) == ("operator:alice", "It is back.")


def test_all_dead_letters_of_a_receiver_are_sent_again(console: Client, receiver: Receiver) -> None:
    assert "1 events are sent again" in press(console, receiver, "replay", reason="It is back.")


def test_a_receiver_is_paused_and_goes_on(console: Client, receiver: Receiver) -> None:
    press(console, receiver, "pause", reason="Their maintenance.")
    assert Receiver.objects.get().state == "paused"
    press(console, receiver, "resume", reason="It is over.")
    assert Receiver.objects.get().state == "active"


def test_who_may_only_look_presses_nothing(client: Client, onlooker: User, receiver: Receiver) -> None:
    client.force_login(onlooker)
    assert "Send dead letters again" not in client.get(row_address(receiver)).content.decode()
    press(client, receiver, "pause", reason="x")
    assert Receiver.objects.get().state == "active"

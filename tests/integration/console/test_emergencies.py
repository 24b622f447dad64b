"""An emergency is declared from the console or a shell: typed, with a reason, and never by mistake."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from controlplane.console.display import page_address, row_address
from inventory.models import Database
from operations.models import AuditEvent, Operation
from tests.fleets import Fleet

REASON = "A laptop was stolen."


def declared() -> list[Operation]:
    return list(Operation.objects.filter(kind="emergency_rotation"))


def press(client: Client, row: Database, typed: str, reason: str = REASON) -> None:
    address = page_address(Database, "press", row.pk, "emergency")
    assert client.post(address, {"reason": reason, "confirm": typed}).status_code == 302


def a_database_with_a_credential(fleet: Fleet) -> Database:
    return next(row for row in fleet.databases if row.credentials.filter(status="active").exists())


def test_a_database_is_replaced_once_its_name_was_typed(console: Client, fleet: Fleet) -> None:
    row = a_database_with_a_credential(fleet)
    assert row.service is not None
    press(console, row, row.service.name)
    (operation,) = declared()
    assert operation.input["id"] == str(row.pk)
    assert operation.workspace == row.service.workspace.name
    event = AuditEvent.objects.get(action="credentials.emergency_requested")
    assert (event.actor, event.reason) == ("operator:alice", REASON)


@pytest.mark.parametrize("typed", ["", "everything", "another"])
def test_what_was_not_typed_rightly_changes_nothing(console: Client, fleet: Fleet, typed: str) -> None:
    press(console, a_database_with_a_credential(fleet), typed)
    assert declared() == []


def test_a_second_press_is_refused_and_recorded(console: Client, fleet: Fleet) -> None:
    row = a_database_with_a_credential(fleet)
    assert row.service is not None
    press(console, row, row.service.name)
    press(console, row, row.service.name)
    assert len(declared()) == 1
    assert AuditEvent.objects.filter(action="console.emergency_refused", outcome="refused").exists()


def test_everything_has_a_page_of_its_own(console: Client, fleet: Fleet) -> None:
    address = reverse("console:emergency")
    console.post(address, {"reason": REASON, "confirm": "all"})
    assert declared() == []
    console.post(address, {"reason": REASON, "confirm": "everything"})
    (operation,) = declared()
    assert operation.input["scope"] == "everything"
    assert REASON in console.get(address).content.decode()


def test_who_may_only_look_finds_no_button(client: Client, onlooker: User, fleet: Fleet) -> None:
    client.force_login(onlooker)
    row = a_database_with_a_credential(fleet)
    assert "c-danger" not in client.get(row_address(row)).content.decode()
    address = reverse("console:emergency")
    assert "c-danger" not in client.get(address).content.decode()
    assert client.post(address, {"reason": REASON, "confirm": "everything"}).status_code == 403
    assert declared() == []


def test_a_shell_declares_it_too(fleet: Fleet) -> None:
    row = a_database_with_a_credential(fleet)
    assert row.server is not None
    said = StringIO()
    call_command("rotate_in_emergency", server=row.server.azure_name, reason=REASON, stdout=said)
    (operation,) = declared()
    assert str(operation.pk) in said.getvalue()
    assert operation.actor.startswith("shell:")


@pytest.mark.parametrize(
    ("reach", "reason", "says"),
    [
        ({"server": "nowhere"}, REASON, "There is no nowhere"),
        ({"everything": True}, " ", "Say why"),
    ],
)
def test_a_shell_is_refused_what_is_not_clear(fleet: Fleet, reach: dict[str, object], reason: str, says: str) -> None:
    with pytest.raises(CommandError, match=says):
        call_command("rotate_in_emergency", reason=reason, **reach)
    assert declared() == []

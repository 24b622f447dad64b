"""Operators see until when a deleted service can come back, and bring it back with a reason."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.test import Client

from controlplane.console.display import page_address
from inventory.models import ServiceInstance
from inventory.states import Status
from operations import clock
from operations.models import AuditEvent, Operation
from tests.builders import a_deleted_service, a_workspace


def press(client: Client, row: ServiceInstance, *, typed: str = "claims") -> int:
    form = {"reason": "as agreed on the phone", "confirm": typed}
    return client.post(page_address(ServiceInstance, "press", row.pk, "undelete"), form).status_code


def page(client: Client, row: ServiceInstance):
    return client.get(page_address(ServiceInstance, "change", row.pk))


def test_a_deleted_service_is_brought_back_with_a_reason(console: Client, db: None) -> None:
    gone = a_deleted_service()
    shown = page(console, gone.service).context_data["buttons"]
    assert [one["button"].name for one in shown] == ["undelete"]
    assert press(console, gone.service) == 302
    gone.refresh_from_db()
    assert gone.status == Status.UPDATING
    assert Operation.objects.get().actor == "operator:alice"
    event = AuditEvent.objects.get(action="console.undelete")
    assert (event.actor, event.reason) == ("operator:alice", "as agreed on the phone")


def test_what_cannot_come_back_has_no_button_and_pressing_is_refused(console: Client, db: None) -> None:
    gone = a_deleted_service(restorable_until=clock.now())
    assert page(console, gone.service).context_data["buttons"] == []
    assert press(console, gone.service) == 302
    assert not Operation.objects.exists()
    assert AuditEvent.objects.get(action="console.undelete_refused").outcome == "refused"


def test_nothing_happens_unless_its_name_is_typed(console: Client, db: None) -> None:
    gone = a_deleted_service()
    press(console, gone.service, typed="imaging")
    assert not Operation.objects.exists()


def test_a_name_that_is_taken_is_told(console: Client, db: None) -> None:
    gone = a_deleted_service()
    ServiceInstance.objects.create(workspace=a_workspace(), name=gone.service.name, kind="fhir")
    press(console, gone.service)
    assert not Operation.objects.exists()
    assert "A service of this name stands" in AuditEvent.objects.get(action="console.undelete_refused").reason


def test_who_may_only_look_cannot_bring_it_back(client: Client, onlooker: User) -> None:
    gone = a_deleted_service()
    client.force_login(onlooker)
    assert page(client, gone.service).context_data["buttons"] == []
    assert press(client, gone.service) == 403


def test_the_list_shows_until_when(console: Client, db: None) -> None:
    a_deleted_service()
    assert "restorable until" in console.get(page_address(ServiceInstance, "changelist")).content.decode().lower()

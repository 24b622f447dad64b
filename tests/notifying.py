"""Receivers, events and workers, for tests of notifications."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from inventory.models import Workspace
from notifications import delivery, dispatch
from notifications.models import Delivery, Receiver
from notifications.services import tell
from operations import clock
from operations.models import OutboxEvent
from rotation.signing_secrets import request_receiver
from tests.local_azure import LocalAzure, work

OWNER = "entra:t/owner"


def a_webhook_of(azure: LocalAzure, workspace: Workspace | None, url: str, *kinds: str) -> Receiver:
    """A webhook whose signing secret stands."""
    row = request_receiver(workspace, channel="webhook", address=url, kinds=list(kinds), actor=OWNER)
    work()
    row.refresh_from_db()
    assert row.state == Receiver.State.ACTIVE
    settle_down()
    return row


def a_mail_receiver(workspace: Workspace | None, address: str = "owner@example.com", *kinds: str) -> Receiver:
    return request_receiver(workspace, channel="email", address=address, kinds=list(kinds), actor=OWNER)


def settle_down() -> None:
    """What building has told is not a test's business."""
    OutboxEvent.objects.all().delete()


def told(workspace: Workspace | None, kind: str = "change.started", target: str = "database:1") -> OutboxEvent:
    with transaction.atomic():
        return tell(kind, target=target, workspace=workspace.name if workspace else "", facts={"kind": "grow_database"})


def deliver() -> int:
    """What a worker does when it is rung. Returns how many attempts were made."""
    dispatch.dispatch()
    return delivery.deliver_due()


def pass_time(seconds: float) -> None:
    """Leases and waits come to their end."""
    clock.advance(timedelta(seconds=seconds))


def a_receiver_with_a_dead_letter(workspace: Workspace) -> Receiver:
    """A webhook for which an event was given up, and the event in the inbox."""
    row = Receiver.objects.create(workspace=workspace, channel="webhook", address="https://hooks.example.com/")
    told(workspace)
    dispatch.dispatch()
    Delivery.objects.update(state=Delivery.State.DEAD, ended_at=clock.database_now(), last_error="It answered 500.")
    return row

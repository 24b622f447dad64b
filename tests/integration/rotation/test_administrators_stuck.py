"""An administrator's password that cannot be renewed is a human's turn, and its end is told in time."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from inventory.models import SqlServer
from operations import clock
from operations.models import AuditEvent, Operation, OutboxEvent
from rotation import administrators, expiry
from rotation.models import ServerAdministrator
from rotation.outlook import outlook
from simulator.http import Response
from tests.local_azure import LocalAzure, work
from tests.rotating import DAY, a_ready_database


def refusing(name: str, call: Any) -> Any:
    if name.startswith(("PATCH", "PUT")) and "/servers/" in name and "/databases/" not in name:
        body = {"error": {"code": "RequestDisallowedByPolicy", "message": "Disallowed by policy."}}
        return Response(403, {"content-type": "application/json"}, json.dumps(body).encode())
    return call()


def test_a_refusal_for_good_asks_somebody_and_names_server_and_step(azure: LocalAzure) -> None:
    server = a_ready_database(azure).server
    assert server is not None
    azure.around = refusing
    administrators.request_due_servers("tests")
    for _ in range(60):
        clock.advance(DAY, business=True)
        administrators.request_due_servers("tests")
        work()
        azure.pass_time(100)
    stuck = Operation.objects.get(kind="rotate_server_admin", state="needs_attention")
    assert server.azure_name in stuck.error_message
    assert stuck.step in stuck.error_message
    assert Operation.objects.filter(kind="rotate_server_admin").count() < 10


def test_its_end_is_told_once_a_threshold_and_counted(azure: LocalAzure) -> None:
    a_ready_database(azure)
    administrators.request_due_servers("tests")
    server = SqlServer.objects.get()
    ends_at = clock.now() + timedelta(days=20)
    ServerAdministrator.objects.update(valid_until=ends_at, rotate_after=ends_at)
    assert expiry.alert_administrators() == 1
    assert expiry.alert_administrators() == 0
    assert (outlook().administrators, outlook().administrator_first_ends_at) == (1, ends_at)
    assert ServerAdministrator.objects.get().rotate_after <= clock.now()
    clock.advance(21 * DAY, business=True)
    assert expiry.alert_administrators() == 1
    told = OutboxEvent.objects.filter(kind__startswith="server.administrator_expir").order_by("pk")
    assert [(event.kind, event.target) for event in told] == [
        ("server.administrator_expiring", server.key),
        ("server.administrator_expired", server.key),
    ]
    assert AuditEvent.objects.filter(action="server.administrator_expired").count() == 1

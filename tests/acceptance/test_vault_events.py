"""What Key Vault tells of secrets that near their end: believed only from Event Grid, and each event once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database, SqlServer
from inventory.states import Status
from operations.models import AuditEvent, Operation
from rotation.models import VaultEvent
from tests.acceptance.callers import Directory
from tests.builders import a_credential, a_database, a_region, a_server, a_service, a_workspace

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/webhooks/key-vault"


@pytest.fixture(autouse=True)
def our_vault(settings) -> None:
    settings.AZURE_VAULT_URL = "https://ours.vault.azure.net"


@pytest.fixture
def database() -> Database:
    found = a_database(a_service(a_workspace("cigna", a_region()), "claims"), status=Status.READY, server=a_server())
    a_credential(found, stable_version="77")
    return found


@pytest.fixture
def event_grid(directory: Directory) -> APIClient:
    return directory.caller("event-grid", Role.EVENT_GRID)


def an_event(secret: str, *, version: str = "77", **changed: Any) -> dict[str, Any]:
    data = {"Id": "https://x", "VaultName": "ours", "ObjectType": "Secret", "ObjectName": secret, "Version": version}
    event = {"id": "e-1", "eventType": "Microsoft.KeyVault.SecretNearExpiry", "subject": secret, "dataVersion": "1"}
    return {**event, "eventTime": "2026-11-22T00:00:00Z", "topic": "/x", "data": data, **changed}


def deliver(client: APIClient, body: Any, content_type: str = "application/json"):
    return client.post(ADDRESS, json.dumps(body), content_type=content_type)


def begun() -> list[tuple[str, str]]:
    return list(Operation.objects.values_list("kind", "actor"))


def test_a_secret_that_nears_its_end_is_rotated_once(event_grid: APIClient, database: Database):
    for _ in range(3):
        assert deliver(event_grid, [an_event(database.azure_name)]).status_code == 200
    assert begun() == [("rotate_credential", "system:key-vault")]
    event = AuditEvent.objects.get(action="secret.near_expiry")
    assert event.target == f"secret:{database.azure_name}/77"


def test_a_rotation_that_is_under_way_is_left_to_its_work(event_grid: APIClient, database: Database):
    deliver(event_grid, [an_event(database.azure_name)])
    assert deliver(event_grid, [an_event(database.azure_name, id="e-2")]).status_code == 200
    assert len(begun()) == 1


def test_a_servers_administrator_is_rotated_too(event_grid: APIClient, database: Database):
    SqlServer.objects.update(admin_secret_version="5")
    secret = SqlServer.objects.get().admin_secret_name
    deliver(event_grid, [an_event(secret, version="5")])
    assert begun() == [("rotate_server_admin", "system:key-vault")]


@pytest.mark.parametrize("content_type", ["application/cloudevents+json", "application/json"])
def test_cloud_events_are_understood(event_grid: APIClient, database: Database, content_type: str):
    event = an_event(database.azure_name)
    event["type"] = event.pop("eventType")
    assert deliver(event_grid, {**event, "specversion": "1.0"}, content_type).status_code == 200
    assert len(begun()) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"secret": "unknown"},
        {"version": "76"},
        {"vault": "another"},
        {"eventType": "Microsoft.KeyVault.SecretNewVersionCreated"},
        {"eventType": "Microsoft.Storage.BlobCreated"},
    ],
    ids=str,
)
def test_what_is_not_ours_or_not_due_is_taken_and_left_alone(
    event_grid: APIClient, database: Database, changed: dict[str, str]
):
    event = an_event(changed.get("secret", database.azure_name), version=changed.get("version", "77"))
    event["eventType"] = changed.get("eventType", event["eventType"])
    event["data"]["VaultName"] = changed.get("vault", "ours")
    assert deliver(event_grid, [event]).status_code == 200
    assert begun() == []


def test_the_handshake_of_event_grid_is_answered_with_its_code(event_grid: APIClient):
    asked = an_event("", eventType="Microsoft.EventGrid.SubscriptionValidationEvent", data={"validationCode": "512d38"})
    answer = deliver(event_grid, [asked])
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "512d38"})


def test_the_handshake_of_cloud_events_names_who_may_send(event_grid: APIClient):
    answer = event_grid.options(ADDRESS, headers={"WebHook-Request-Origin": "eventgrid.azure.net"})
    assert (answer.status_code, answer["WebHook-Allowed-Origin"]) == (200, "eventgrid.azure.net")


@pytest.mark.parametrize("method", ["post", "options"])
def test_strangers_change_nothing(method: str, client, directory: Directory, database: Database):
    content = {"data": json.dumps([an_event(database.azure_name)]), "content_type": "application/json"}
    strangers = [(client, 401), (directory.caller("someone"), 403), (directory.caller("op", Role.OPERATOR), 403)]
    for stranger, status in strangers:
        answer = stranger.generic(method.upper(), ADDRESS, **(content if method == "post" else {}))
        assert answer.status_code == status
    assert begun() == []
    assert not VaultEvent.objects.exists()


@pytest.mark.parametrize(
    "body", [5, [5], ["x"], [{"data": {}}], [{"id": "1", "type": "Microsoft.KeyVault.X"}]], ids=str
)
def test_what_event_grid_would_never_send_is_refused(event_grid: APIClient, body: Any):
    answer = deliver(event_grid, body)
    assert (answer.status_code, answer["x-ms-error-code"]) == (400, "InvalidRequestBody")

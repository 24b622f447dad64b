"""The inbox and receivers over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from notifications import dispatch
from notifications.models import Delivery, Receiver
from operations import clock
from operations.models import AuditEvent, Operation, OutboxEvent
from tests.acceptance.callers import Directory
from tests.builders import GIB, a_database, a_service, a_workspace
from tests.notifying import a_receiver_with_a_dead_letter, told

pytestmark = pytest.mark.django_db
HOOK = "https://hooks.example.com/in"
INBOX, RECEIVERS = "/api/v1/notifications", "/api/v1/receivers"


@pytest.fixture
def owner(directory: Directory) -> APIClient:
    return directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))


@pytest.fixture
def operator(directory: Directory) -> APIClient:
    return directory.caller("operator", Role.OPERATOR)


def shown(client: APIClient, address: str) -> list[dict[str, Any]]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content
    return [row["properties"] for row in answer.json()["value"]]


def added(client: APIClient, **body: Any) -> dict[str, Any]:
    wish = {"workspace": "cigna", "channel": "webhook", "address": HOOK, **body}
    answer = client.post(RECEIVERS, wish, format="json")
    assert answer.status_code == 201, answer.content
    return answer.json()


def test_an_owner_reads_the_inbox_and_what_was_read_is_no_longer_unread(owner: APIClient, operator: APIClient):
    place = a_workspace("cigna")
    told(place, "change.started")
    told(None, "pool.nearly_full")
    dispatch.dispatch()
    [row] = shown(owner, INBOX)
    assert (row["title"], row["workspace"], row["isRead"]) == ("Grow database has begun", "cigna", False)
    assert row["facts"] == [{"name": "kind", "value": "grow_database"}]
    assert len(shown(operator, INBOX)) == 2
    assert owner.post(f"{INBOX}:mark-read", {"workspace": "cigna"}, format="json").json() == {"marked": 1}
    assert shown(owner, f"{INBOX}?unread=true") == []
    assert len(shown(operator, f"{INBOX}?unread=true&workspace=cigna")) == 1


def test_the_inbox_comes_in_pages(owner: APIClient):
    for n in range(5):
        told(a_workspace("cigna"), target=f"database:{n}")
    dispatch.dispatch()
    first = owner.get(f"{INBOX}?maxpagesize=3").json()
    second = owner.get(first["nextLink"]).json()
    targets = [row["properties"]["target"] for row in [*first["value"], *second["value"]]]
    assert targets == [f"database:{n}" for n in (4, 3, 2, 1, 0)]
    assert "nextLink" not in second


def test_a_webhook_begins_with_an_operation_that_makes_its_secret_and_tells_where_it_stands(owner: APIClient):
    made = added(owner, eventTypes=["change.*"])
    assert (made["properties"]["state"], made["properties"]["eventTypes"]) == ("preparing", ["change.*"])
    assert made["properties"]["signingSecret"]["name"].startswith("w-")
    assert made["properties"]["signingSecret"]["version"] == ""
    assert Operation.objects.get().kind == "rotate_signing_secret"
    assert owner.get(f"{RECEIVERS}/{made['id']}").json() == made
    assert shown(owner, RECEIVERS) == [made["properties"]]
    event = AuditEvent.objects.get(action="receiver.added")
    assert (event.workspace, event.after["address"]) == ("cigna", HOOK)


def test_the_same_address_twice_is_a_conflict(owner: APIClient):
    added(owner)
    answer = owner.post(RECEIVERS, {"workspace": "cigna", "channel": "webhook", "address": HOOK}, format="json")
    assert (answer.status_code, answer["x-ms-error-code"]) == (409, "AddressTaken")


def test_a_receiver_is_paused_resumed_tested_and_removed(owner: APIClient):
    made = added(owner)
    Receiver.objects.update(state="active")
    address = f"{RECEIVERS}/{made['id']}"
    states = [owner.post(f"{address}:{act}").json()["properties"]["state"] for act in ("pause", "resume", "test")]
    assert states == ["paused", "active", "active"]
    assert OutboxEvent.objects.filter(kind="receiver.test", target=f"receiver:{made['id']}").count() == 1
    assert owner.delete(address).status_code == 204
    assert owner.get(address).status_code == 404
    assert shown(owner, RECEIVERS) == []


def test_its_secret_is_renewed_on_request_but_not_twice_at_once(owner: APIClient):
    made = added(owner)
    reason = {"reason": "It may be known."}
    answer = owner.post(f"{RECEIVERS}/{made['id']}:rotate-secret", reason, format="json")
    assert (answer.status_code, answer["x-ms-error-code"]) == (409, "OperationInProgress")


def test_a_mail_address_has_no_secret(operator: APIClient, settings):
    settings.EMAIL_HOST = "mail.example.com"
    made = added(operator, workspace="", channel="email", address="ops@example.com")
    assert (made["properties"]["state"], made["properties"]["signingSecret"]) == ("active", None)
    answer = operator.post(f"{RECEIVERS}/{made['id']}:rotate-secret", {"reason": "x"}, format="json")
    assert (answer.status_code, answer["x-ms-error-code"]) == (409, "NotAWebhook")


def test_what_was_given_up_is_seen_by_its_owner_and_sent_again_by_an_operator(owner: APIClient, operator: APIClient):
    row = a_receiver_with_a_dead_letter(a_workspace("cigna"))
    [letter] = shown(owner, "/api/v1/dead-letters?workspace=cigna")
    assert (letter["address"], letter["lastError"]) == (row.address, "It answered 500.")
    address, reason = f"{RECEIVERS}/{row.pk}:replay", {"reason": "It is back.", "number": letter["number"]}
    assert owner.post(address, reason, format="json").status_code == 403
    assert operator.post(address, reason, format="json").json() == {"replayed": 1}
    assert shown(owner, "/api/v1/dead-letters") == []
    assert Delivery.objects.get().state == "pending"
    answer = operator.post(address, reason, format="json")
    assert (answer.status_code, answer["x-ms-error-code"]) == (409, "NothingToReplay")


def test_a_refused_change_is_told_to_the_workspace_and_a_question_is_not(owner: APIClient):
    a_database(a_service(a_workspace("cigna"), "claims"), size_bytes=500 * GIB, status="ready")
    wish = {"properties": {"kind": "fhir", "sizeGb": 400}}
    address = "/api/v1/workspaces/cigna/services/claims"
    owner.put(f"{address}?dryRun=true", wish, format="json")
    assert not OutboxEvent.objects.exists()
    refused = owner.put(address, wish, format="json")
    assert refused.status_code == 409
    event = OutboxEvent.objects.get(kind="change.refused")
    assert (event.workspace, event.data["code"]) == ("cigna", refused["x-ms-error-code"])


def test_the_figures_tell_of_delivery_without_naming_anybody(client: APIClient):
    row = a_receiver_with_a_dead_letter(a_workspace("cigna"))
    told(a_workspace("cigna"))
    dispatch.dispatch()
    Delivery.objects.filter(state="pending").update(created_at=clock.database_now() - timedelta(hours=1))
    Receiver.objects.filter(pk=row.pk).update(state="active", failures=3)
    text = client.get("/metrics").content.decode()
    assert "spp_notifications_dead_letters 1.0" in text
    assert "spp_notifications_undelivered 1.0" in text
    assert "spp_receivers_failing 1.0" in text
    age = next(line for line in text.splitlines() if line.startswith("spp_notifications_undelivered_age_seconds "))
    assert 3500 < float(age.split()[1]) < 3700
    assert "cigna" not in text

"""Into Hyperscale, the consent to its switch, and the way back, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database
from inventory.states import Status
from operations.models import Operation
from tests.acceptance.callers import Directory
from tests.acceptance.tables import contents
from tests.builders import GIB, a_database, a_server, a_service, a_workspace

pytestmark = pytest.mark.django_db
SERVICE = "/api/v1/workspaces/cigna/services/claims"
DAY = timedelta(days=1)


@pytest.fixture
def owner(directory: Directory) -> APIClient:
    return directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))


def a_standing_database(**columns: object) -> Database:
    defaults = {"server": a_server(), "status": Status.READY, "size_bytes": 100 * GIB}
    return a_database(a_service(a_workspace("cigna"), "claims"), **{**defaults, **columns})


def a_converted_database(days_ago: float) -> Database:
    converted = datetime.now(UTC) - days_ago * DAY
    return a_standing_database(service_tier="Hyperscale", vcores=4, converted_at=converted)


def ask(client: APIClient, action: str, body: object = None, address: str = SERVICE):
    return client.post(f"{address}:{action}", {} if body is None else body, format="json")


def code_of(answer) -> tuple[int, str]:
    return answer.status_code, answer["x-ms-error-code"]


def test_a_conversion_waits_for_consent_unless_said_otherwise(owner: APIClient):
    a_standing_database()
    answer = ask(owner, "convert")
    assert answer.status_code == 202, answer.content
    operation = Operation.objects.get()
    assert (operation.kind, operation.input["cutover"]) == ("convert_to_hyperscale", "consent")
    assert answer["Operation-Location"].endswith(f"/api/v1/operations/{operation.pk}")
    assert owner.get(SERVICE).json()["properties"]["provisioningState"] == "Updating"
    assert ask(owner, "convert").json()["id"] == str(operation.pk)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"cutover": "whenever"}, "InvalidRequestBody"),
        ({"cutover": None}, "InvalidRequestBody"),
        ({"sizeGb": "100"}, "InvalidRequestBody"),
        ({"sizeGb": 0}, "InvalidRequestBody"),
        ({"sizeGb": 99}, "SizeNotSupported"),
        ({"sizeGb": 200_000}, "SizeNotSupported"),
        ({"vcores": 4}, "UnknownField"),
    ],
)
def test_a_wrong_wish_is_refused(owner: APIClient, body: object, code: str):
    a_standing_database()
    before = contents()
    assert code_of(ask(owner, "convert", body)) == (400, code)
    assert contents() == before


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"service_tier": "Hyperscale", "vcores": 4}, "ChangeNotSupported"),
        ({"status": Status.FAILED}, "ServiceNotReady"),
    ],
)
def test_what_cannot_be_converted_is_a_conflict(owner: APIClient, columns: dict[str, object], code: str):
    a_standing_database(**columns)
    assert code_of(ask(owner, "convert")) == (409, code)


def test_an_unknown_service_is_not_found(owner: APIClient):
    for action in ("convert", "convert-back"):
        assert code_of(ask(owner, action)) == (404, "ServiceNotFound")


def test_consent_is_given_to_a_conversion_that_asks_for_it(owner: APIClient):
    a_standing_database()
    operation = ask(owner, "convert").json()["id"]
    answer = owner.post(f"/api/v1/operations/{operation}:consent")
    assert answer.status_code == 202, answer.content
    assert "consented_by" in Operation.objects.get().choices


def test_nobody_is_asked_for_consent_to_an_automatic_one(owner: APIClient):
    a_standing_database()
    operation = ask(owner, "convert", {"cutover": "automatic", "acceptDisruption": True}).json()["id"]
    assert code_of(owner.post(f"/api/v1/operations/{operation}:consent")) == (409, "NoConsentNeeded")


def test_an_operation_tells_what_azure_says_and_until_when_it_waits(owner: APIClient):
    a_standing_database()
    operation = ask(owner, "convert").json()["id"]
    run = {
        "phase": "WaitingForCutover",
        "state": "InProgress",
        "percent": 95,
        "expected_end_at": "2030-01-01T00:00:00Z",
    }
    choices = {"run": run, "held_until": "2030-01-01T00:00:00Z"}
    Operation.objects.update(step="await_consent", choices=choices)
    told = owner.get(f"/api/v1/operations/{operation}").json()
    assert told["percentComplete"] == 95
    assert told["change"] == {
        "phase": "WaitingForCutover",
        "expectedEndAt": "2030-01-01T00:00:00Z",
        "awaitsConsentUntil": "2030-01-01T00:00:00Z",
    }


def test_a_converted_service_goes_back_within_45_days(owner: APIClient):
    a_converted_database(days_ago=44)
    answer = ask(owner, "convert-back", {"sizeGb": 100, "acceptDisruption": True})
    assert answer.status_code == 202, answer.content
    operation = Operation.objects.get()
    assert (operation.kind, operation.input["size_bytes"]) == ("convert_back", 100 * GIB)


def test_after_that_it_is_told_until_when_it_could(owner: APIClient):
    a_converted_database(days_ago=46)
    answer = ask(owner, "convert-back")
    assert code_of(answer) == (409, "ReturnNotPossible")
    assert "45 days" in answer.json()["error"]["message"]


def test_what_was_created_as_hyperscale_never_goes_back(owner: APIClient):
    a_standing_database(service_tier="Hyperscale", vcores=4)
    assert code_of(ask(owner, "convert-back")) == (409, "ReturnNotPossible")


def test_more_than_a_pool_holds_does_not_go_back(owner: APIClient):
    a_converted_database(days_ago=1)
    assert code_of(ask(owner, "convert-back", {"sizeGb": 5000})) == (400, "SizeNotSupported")


@pytest.mark.parametrize(("action", "body"), [("convert", {"cutover": "automatic"}), ("convert-back", {})])
def test_what_switches_by_itself_needs_the_plan_s_hash(owner: APIClient, action: str, body: dict[str, object]):
    a_converted_database(days_ago=1) if action == "convert-back" else a_standing_database()
    before = contents()
    refused = ask(owner, action, body)
    assert code_of(refused) == (409, "DisruptionNotAccepted")
    plan = owner.post(f"{SERVICE}:{action}?dryRun=true", body, format="json").json()["properties"]
    assert contents() == before
    assert plan["change"]["disruption"]["connectionsDrop"] == (2 if action == "convert-back" else 1)
    assert plan["change"]["wayBack"]["days"] == (None if action == "convert-back" else 45)
    accepted = ask(owner, action, {**body, "planHash": plan["planHash"]})
    assert accepted.status_code == 202, accepted.content
    assert Operation.objects.get().plan_hash == plan["planHash"]


def test_a_stale_plan_is_answered_by_the_new_one(owner: APIClient):
    a_standing_database()
    plan = owner.post(f"{SERVICE}:convert?dryRun=true", {"cutover": "automatic"}, format="json").json()["properties"]
    Database.objects.update(size_bytes=200 * GIB)
    stale = ask(owner, "convert", {"cutover": "automatic", "planHash": plan["planHash"]})
    assert code_of(stale) == (409, "PlanChanged")

"""Deleted services, their return, and a service as it was at a moment, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database, ServiceInstance, Workspace
from inventory.states import Status
from operations import clock
from operations.models import AuditEvent, Operation
from tests.acceptance.callers import Directory
from tests.acceptance.tables import contents
from tests.builders import a_credential, a_database, a_deleted_service, a_pool, a_server, a_service, a_workspace

pytestmark = pytest.mark.django_db
WORKSPACE = "/api/v1/workspaces/cigna"
SERVICE = f"{WORKSPACE}/services/claims"
RESTORE = f"{SERVICE}:restore"
DAY = timedelta(days=1)


@pytest.fixture
def owner(directory: Directory) -> APIClient:
    return directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))


def cigna() -> Workspace:
    return a_workspace("cigna")


def a_standing_service(name: str = "claims", **columns: object) -> Database:
    now = datetime.now(UTC)
    defaults = {"server": a_server(), "status": Status.READY, "ready_at": now - 3 * DAY}
    database = a_database(a_service(cigna(), name), **{**defaults, **columns})
    a_credential(database)
    return database


def ask(client: APIClient, body: object, address: str = RESTORE, **headers: str):
    return client.post(address, body, format="json", **headers)


def code_of(answer) -> tuple[int, str]:
    return answer.status_code, answer["x-ms-error-code"]


def test_a_deleted_service_is_accepted_back(owner: APIClient):
    gone = a_deleted_service(cigna())
    answer = ask(owner, {})
    assert answer.status_code == 202, answer.content
    operation = Operation.objects.get()
    assert answer["Operation-Location"] == f"http://testserver/api/v1/operations/{operation.pk}"
    assert answer["Location"] == f"http://testserver{SERVICE}"
    assert (answer.json()["kind"], answer.json()["properties"]["target"]) == ("restore_database", SERVICE)
    assert owner.get(SERVICE).json()["properties"]["provisioningState"] == "Updating"
    gone.refresh_from_db()
    assert (gone.status, gone.service.deleted_at) == (Status.UPDATING, None)
    assert AuditEvent.objects.filter(action="service.restore_requested").count() == 1


def test_a_repeated_wish_gives_the_restore_that_is_under_way(owner: APIClient):
    a_deleted_service(cigna())
    first, second = ask(owner, {}), ask(owner, {})
    assert second.status_code == 202
    assert second["Operation-Location"] == first["Operation-Location"]
    assert code_of(ask(owner, {"pointInTime": "2026-01-01T00:00:00Z"})) == (409, "OperationInProgress")


def test_an_idempotency_key_gives_the_same_answer_again(owner: APIClient):
    a_deleted_service(cigna())
    first = ask(owner, {}, HTTP_IDEMPOTENCY_KEY="one")
    Operation.objects.update(state="succeeded")
    second = ask(owner, {}, HTTP_IDEMPOTENCY_KEY="one")
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert Operation.objects.count() == 1


def test_a_plan_of_a_restore_changes_nothing(owner: APIClient):
    gone = a_deleted_service(cigna())
    a_pool(gone.server)
    before = contents()
    answer = ask(owner, {}, f"{RESTORE}?dryRun=true")
    plan = answer.json()["properties"]
    assert (answer.status_code, plan["action"]) == (200, "restore")
    assert [one["kind"] for one in plan["operations"]] == ["restore_database"]
    assert (plan["placement"]["where"], plan["placement"]["isNew"]) == ("pool", False)
    assert contents() == before


def test_a_plan_tells_the_refusal_too(owner: APIClient):
    a_standing_service()
    plan = ask(owner, {}, f"{RESTORE}?dryRun=true").json()["properties"]
    assert (plan["action"], plan["refusals"][0]["code"]) == ("refuse", "ServiceNotDeleted")


def test_a_standing_service_is_taken_back_to_a_moment(owner: APIClient):
    a_standing_service()
    moment = (clock.now() - DAY).isoformat()
    answer = ask(owner, {"pointInTime": moment, "acceptDisruption": True})
    assert answer.status_code == 202, answer.content
    assert Operation.objects.get().input["moment"] == moment
    again = ask(owner, {"pointInTime": moment})
    assert again["Operation-Location"] == answer["Operation-Location"]


def test_what_replaces_a_standing_database_is_not_begun_unseen(owner: APIClient):
    a_pool(a_standing_service().server)
    moment, earlier = ((clock.now() - days * DAY).isoformat() for days in (1, 2))
    answer = ask(owner, {"pointInTime": moment})
    assert code_of(answer) == (409, "DisruptionNotAccepted")
    assert not Operation.objects.exists()
    plan = answer.json()["error"]["plan"]["properties"]
    assert plan == ask(owner, {"pointInTime": moment}, f"{RESTORE}?dryRun=true").json()["properties"]
    change = plan["change"]
    assert (change["way"], change["disruption"]["connectionsDrop"]) == ("restore", 1)
    assert (change["wayBack"]["steps"], change["wayBack"]["days"]) == (["restore"], 7)
    assert code_of(ask(owner, {"pointInTime": earlier, "planHash": plan["planHash"]})) == (409, "PlanChanged")
    assert ask(owner, {"pointInTime": moment, "planHash": plan["planHash"]}).status_code == 202


def test_after_the_grace_the_refusal_tells_the_dates(owner: APIClient):
    now = datetime(2026, 5, 8, 12, tzinfo=UTC)
    a_deleted_service(cigna(), deleted_at=now - 7 * DAY, restorable_until=now)
    answer = ask(owner, {})
    assert code_of(answer) == (409, "RestoreWindowPassed")
    message = answer.json()["error"]["message"]
    assert "2026-05-01T12:00:00Z" in message
    assert "2026-05-08T12:00:00Z" in message
    assert AuditEvent.objects.filter(action="api.refused").count() == 1


def test_what_never_was_in_azure_cannot_come_back(owner: APIClient):
    a_deleted_service(cigna(), restorable_until=None)
    assert code_of(ask(owner, {})) == (409, "RestoreWindowPassed")


@pytest.mark.parametrize("moment", ["2001-01-01T00:00:00Z", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00Z"])
def test_a_moment_without_a_backup_is_refused_with_what_there_is(owner: APIClient, moment: str):
    a_standing_service()
    answer = ask(owner, {"pointInTime": moment})
    assert code_of(answer) == (400, "PointInTimeOutOfRange")
    assert "It can be restored to a moment from 20" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"pointInTime": "yesterday"}, "InvalidRequestBody"),
        ({"pointInTime": "2026-01-31T12:00:00"}, "InvalidRequestBody"),
        ({"pointInTime": 1767225600}, "InvalidRequestBody"),
        ({"pointInTime": True}, "InvalidRequestBody"),
        ({"pointInTime": None}, "InvalidRequestBody"),
        ({"uid": "claims"}, "InvalidRequestBody"),
        ({"when": "2026-01-31T12:00:00Z"}, "UnknownField"),
        ([], "InvalidRequestBody"),
        ("now", "InvalidRequestBody"),
    ],
    ids=str,
)
def test_a_wrong_body_is_refused(owner: APIClient, body: object, code: str):
    a_deleted_service(cigna())
    before = contents()
    assert code_of(ask(owner, body)) == (400, code)
    assert contents() == before


@pytest.mark.parametrize(
    ("status", "code"), [(Status.FAILED, "ServiceNotReady"), (Status.CREATING, "ServiceNotReady")], ids=str
)
def test_only_a_ready_service_goes_back_to_a_moment(owner: APIClient, status: Status, code: str):
    a_standing_service(status=status)
    assert code_of(ask(owner, {"pointInTime": (clock.now() - DAY).isoformat()})) == (409, code)


def test_a_service_that_never_was_is_not_found(owner: APIClient):
    assert code_of(ask(owner, {})) == (404, "ServiceNotFound")


def test_a_removed_workspace_brings_nothing_back(owner: APIClient):
    a_deleted_service(cigna())
    Workspace.objects.update(deleted_at=clock.now())
    assert code_of(ask(owner, {})) == (404, "WorkspaceNotFound")


def test_a_new_service_may_take_the_name_and_is_in_the_way_of_the_old_one(owner: APIClient):
    gone = a_deleted_service(cigna())
    answer = owner.put(SERVICE, {"properties": {"kind": "fhir", "sizeGb": 100}}, format="json")
    assert answer.status_code == 202
    Operation.objects.update(state="succeeded")
    Database.objects.exclude(pk=gone.pk).update(status=Status.READY)
    assert code_of(ask(owner, {})) == (409, "ServiceNotDeleted")
    assert code_of(ask(owner, {"uid": str(gone.service.pk)})) == (409, "ServiceNameTaken")


def test_of_two_deleted_services_of_a_name_either_can_be_meant(owner: APIClient):
    older = a_deleted_service(cigna(), restorable_until=clock.now() + DAY)
    newer = a_deleted_service(cigna(), restorable_until=clock.now() + 2 * DAY)
    plan = ask(owner, {}, f"{RESTORE}?dryRun=true")
    assert plan.status_code == 200
    ask(owner, {"uid": str(older.service.pk)})
    older.refresh_from_db()
    newer.refresh_from_db()
    assert (older.status, newer.status) == (Status.UPDATING, Status.DELETED)


def test_the_list_shows_what_can_come_back_and_until_when(owner: APIClient):
    gone = a_deleted_service(cigna())
    a_deleted_service(cigna(), "expired", restorable_until=clock.now() - DAY)
    a_deleted_service(a_workspace("other"), "foreign")
    a_standing_service("imaging")
    (shown,) = owner.get(f"{WORKSPACE}/deleted-services").json()["value"]
    assert (shown["id"], shown["name"], shown["type"]) == (SERVICE, "claims", "workspaces/deletedServices")
    properties = shown["properties"]
    assert properties["uid"] == str(gone.service.pk)
    assert datetime.fromisoformat(properties["restorableUntil"]) == gone.restorable_until
    assert (properties["kind"], properties["sizeGb"], properties["nameTaken"]) == ("fhir", 100, False)
    assert owner.get(SERVICE).status_code == 404


def test_the_list_says_that_a_name_is_taken_and_goes_on_by_pages(owner: APIClient):
    for number in range(5):
        a_deleted_service(cigna(), f"claims-{number}")
    ServiceInstance.objects.create(workspace=cigna(), name="claims-3", kind="dicom")
    address, seen = f"{WORKSPACE}/deleted-services?maxpagesize=2", {}
    while address:
        page = owner.get(address).json()
        seen.update({one["name"]: one["properties"]["nameTaken"] for one in page["value"]})
        address = page.get("nextLink", "")
    assert seen == {f"claims-{number}": number == 3 for number in range(5)}

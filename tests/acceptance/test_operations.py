from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from operations.models import AuditEvent, Operation
from operations.services import submit
from tests.acceptance.callers import Directory
from tests.builders import a_database, a_pool, a_service, a_workspace

pytestmark = pytest.mark.django_db
URL = "/api/v1/operations"


@pytest.fixture
def owner(directory: Directory) -> APIClient:
    return directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))


def a_creation(name: str = "claims", workspace: str = "cigna", **columns: object) -> Operation:
    database = a_database(a_service(a_workspace(workspace), name))
    operation = submit("create_database", target=database.key, actor="test", workspace=workspace)
    Operation.objects.filter(pk=operation.pk).update(**columns)
    operation.refresh_from_db()
    return operation


def test_an_operation_tells_how_it_is_going(owner: APIClient):
    operation = a_creation(state="running", step="await_create")
    answer = owner.get(f"{URL}/{operation.pk}")
    assert answer["Retry-After"] == "5"
    document = answer.json()
    assert document["id"] == str(operation.pk)
    assert (document["kind"], document["status"], document["step"]) == ("create_database", "Running", "await_create")
    assert 0 < document["percentComplete"] < 100
    assert document["properties"] == {"target": "/api/v1/workspaces/cigna/services/claims", "workspace": "cigna"}
    assert document["error"] is None


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("queued", "NotStarted"),
        ("running", "Running"),
        ("needs_attention", "Running"),
        ("succeeded", "Succeeded"),
        ("failed", "Failed"),
        ("cancelled", "Canceled"),
    ],
)
def test_states_are_told_in_azures_words(owner: APIClient, state: str, status: str):
    operation = a_creation(state=state, error_code="NoRoom", error_message="No room.")
    answer = owner.get(f"{URL}/{operation.pk}")
    document = answer.json()
    assert document["status"] == status
    assert ("note" in document) == (state == "needs_attention")
    assert document["error"] == ({"code": "NoRoom", "message": "No room."} if state == "failed" else None)
    assert answer.has_header("Retry-After") == (status in ("NotStarted", "Running"))


def test_what_it_waits_for_is_shown_to_operators_only(owner: APIClient, directory: Directory):
    operation = a_creation(waits_why="Waits for pool:1.")
    assert "waitsFor" not in owner.get(f"{URL}/{operation.pk}").json()
    operator = directory.caller("operator", Role.OPERATOR)
    assert operator.get(f"{URL}/{operation.pk}").json()["waitsFor"] == "Waits for pool:1."


def test_owners_see_nothing_of_pools_and_of_other_workspaces(owner: APIClient, directory: Directory):
    mine, other = a_creation(), a_creation("scans", "other")
    pool = submit("create_pool", target=a_pool().key, actor="test", parent=mine)
    assert [row["id"] for row in owner.get(URL).json()["value"]] == [str(mine.pk)]
    assert owner.get(f"{URL}/{pool.pk}").status_code == owner.get(f"{URL}/{other.pk}").status_code == 404
    assert owner.post(f"{URL}/{other.pk}:cancel").status_code == 404
    other.refresh_from_db()
    assert other.cancel_requested_at is None
    auditor = directory.caller("auditor", Role.AUDITOR)
    assert len(auditor.get(URL).json()["value"]) == 3


def test_operations_are_filtered(directory: Directory):
    first, second = a_creation(), a_creation("scans", "other", state="succeeded")
    operator = directory.caller("operator", Role.OPERATOR)

    def ids(query: str) -> list[str]:
        return [row["id"] for row in operator.get(f"{URL}?{query}").json()["value"]]

    assert ids("workspace=cigna") == ids("state=NotStarted") == [str(first.pk)]
    assert ids("state=Succeeded&kind=create_database") == [str(second.pk)]
    assert ids("kind=delete_database") == []


def test_a_list_of_operations_goes_from_new_to_old_and_keeps_its_filters(owner: APIClient):
    made = [a_creation(f"service-{number}") for number in range(5)]
    Operation.objects.update(created_at=made[0].created_at)  # one moment for all: the id decides
    ids: list[str] = []
    link = f"{URL}?maxpagesize=2&workspace=cigna&state=NotStarted"
    while link:
        page = owner.get(link).json()
        ids += [row["id"] for row in page["value"]]
        a_creation(f"late-{len(ids)}")
        link = page.get("nextLink")
    assert ids == [str(operation.pk) for operation in reversed(made)]


def test_a_cancel_is_accepted_once_and_again(owner: APIClient):
    operation = a_creation()
    first = owner.post(f"{URL}/{operation.pk}:cancel")
    assert first.status_code == 202
    assert first["Operation-Location"] == f"http://testserver{URL}/{operation.pk}"
    assert first.json()["cancelRequestedAt"]
    assert owner.post(f"{URL}/{operation.pk}:cancel").status_code == 202
    assert AuditEvent.objects.filter(action="operation.cancel_requested").count() == 1


@pytest.mark.parametrize("columns", [{"state": "succeeded"}, {"step": "await_create", "state": "running"}])
def test_a_cancel_that_comes_too_late_is_refused(owner: APIClient, columns: dict[str, str]):
    operation = a_creation(**columns)
    answer = owner.post(f"{URL}/{operation.pk}:cancel")
    assert (answer.status_code, answer["x-ms-error-code"]) == (409, "TooLateToCancel")

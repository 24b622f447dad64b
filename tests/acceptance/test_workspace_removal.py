"""A workspace goes with all its services, and a certificate says what went and until when its backups last."""

from __future__ import annotations

from datetime import datetime, timedelta

import jsonschema
import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database, Workspace
from inventory.states import Status
from operations.models import AuditEvent, Operation
from tests.acceptance.callers import Directory
from tests.acceptance.test_openapi import closed
from tests.builders import a_region, a_workspace
from tests.local_azure import LocalAzure, run_until_settled, work, work_alone

URL = "/api/v1/workspaces/cigna"
WISH = {"properties": {"kind": "fhir", "sizeGb": 10}}


@pytest.fixture
def operator(azure: LocalAzure, directory: Directory) -> APIClient:
    a_workspace("cigna", a_region("eastus"), retention_days=14)
    return directory.caller("operator", Role.OPERATOR)


def put(client: APIClient, name: str):
    return client.put(f"{URL}/services/{name}", WISH, format="json")


def test_all_services_go_and_the_certificate_lists_them(operator: APIClient, azure: LocalAzure, directory: Directory):
    owner = directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))
    for name in ("claims", "scans"):
        assert put(owner, name).status_code == 202
    run_until_settled(azure)
    put(owner, "late")  # still being made when the removal comes
    answer = operator.delete(URL)
    assert (answer.status_code, answer.json()["kind"]) == (202, "delete_workspace")
    assert operator.delete(URL)["Operation-Location"] == answer["Operation-Location"]
    refused = put(owner, "new")
    assert (refused.status_code, refused["x-ms-error-code"]) == (409, "WorkspaceBeingDeleted")
    again = operator.put(URL, {"properties": {"region": "eastus"}}, format="json")
    assert (again.status_code, again["x-ms-error-code"]) == (409, "WorkspaceBeingDeleted")
    run_until_settled(azure)

    done = operator.get(answer["Operation-Location"]).json()
    assert (done["status"], operator.get(URL).status_code) == ("Succeeded", 404)
    assert owner.get(URL).status_code == 404
    assert azure.resources("databases") == []
    assert Operation.objects.filter(parent__kind="delete_workspace").count() == 3
    certificate = done["certificate"]
    made = Database.objects.filter(observed_arm_id__gt="")
    assert {row["name"] for row in certificate["resources"]} == {row.azure_name for row in Database.objects.all()}
    assert {row["database"] for row in certificate["backups"]} == {row.azure_name for row in made}
    for row in certificate["backups"]:
        database = Database.objects.get(azure_name=row["database"])
        assert datetime.fromisoformat(row["endsAt"]) == database.deleted_at + timedelta(days=14)
    names = {row["name"] for row in certificate["secrets"]}
    versions = azure.secrets()
    assert names <= set(versions)
    assert {f"{row.azure_name}" for row in made} <= names
    assert operator.get(f"{URL}/certificate").json() == certificate
    document = operator.get("/api/v1/openapi.json").json()
    schema = closed(document["components"])["schemas"]["CertificateDocument"]
    jsonschema.Draft202012Validator({**schema, "components": closed(document["components"])}).validate(certificate)


def test_an_empty_workspace_goes_the_same_way_and_its_name_is_free(operator: APIClient):
    first = operator.delete(URL)
    work()
    assert operator.get(first["Operation-Location"]).json()["certificate"]["resources"] == []
    assert operator.delete(URL).status_code == 204
    assert AuditEvent.objects.filter(action="workspace.removed").count() == 1
    assert operator.put(URL, {"properties": {"region": "eastus"}}, format="json").status_code == 201
    assert Workspace.objects.count() == 2


def test_a_removal_that_fails_again_and_again_asks_for_an_operator_and_goes_on_when_retried(
    operator: APIClient, azure: LocalAzure
):
    put(operator, "claims")
    run_until_settled(azure)
    location = operator.delete(URL)["Operation-Location"]
    removal = Operation.objects.get(kind="delete_workspace")
    for _ in range(3):
        Operation.objects.filter(kind="delete_workspace").update(due_at="2020-01-01T00:00:00Z")
        work_alone(removal)
        Operation.objects.filter(kind="delete_database").exclude(state="failed").update(state="failed")
        Database.objects.update(status=Status.FAILED)
    Operation.objects.filter(pk=removal.pk).update(due_at="2020-01-01T00:00:00Z")
    work_alone(removal)
    removal.refresh_from_db()
    assert (removal.state, removal.error_code) == ("needs_attention", "RemovalFailed")
    answer = operator.post(f"{location}:retry", {"reason": "Azure is well again."}, format="json")
    assert answer.status_code == 200
    run_until_settled(azure)
    assert operator.get(location).json()["status"] == "Succeeded"

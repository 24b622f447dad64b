from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import override_settings

from controlplane.api.principals import Role
from inventory.models import Database, ServiceInstance
from inventory.states import Status
from operations.models import AuditEvent, Operation
from rotation.models import Credential
from tests.acceptance.callers import Directory
from tests.builders import GIB, TIB, a_database, a_pool, a_service, a_workspace

pytestmark = pytest.mark.django_db
URL = "/api/v1/workspaces/cigna/services/claims"


def asking_for(kind: str = "fhir", size: int = 500) -> dict[str, object]:
    return {"properties": {"kind": kind, "sizeGb": size}}


@pytest.fixture
def owner(directory: Directory):
    return directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))


def a_ready_service(name: str = "claims") -> Database:
    database = a_database(a_service(a_workspace("cigna"), name), status=Status.READY, size_bytes=500 * GIB)
    Credential.objects.create(
        database=database,
        slot="a",
        user_name="svc_a",
        status="active",
        staging_secret=f"{database.azure_name}-a",
        staging_version="1",
        stable_secret=database.azure_name,
    )
    return database


def test_a_new_service_is_accepted_and_worked_on(owner):
    answer = owner.put(URL, asking_for(), format="json")
    assert answer.status_code == 202
    assert answer["Retry-After"] == "5"
    assert answer["Location"] == f"http://testserver{URL}"
    operation = Operation.objects.get()
    assert answer["Operation-Location"] == f"http://testserver/api/v1/operations/{operation.pk}"
    assert operation.trace_id == answer["x-ms-request-id"]
    document = answer.json()
    assert document["id"] == URL
    assert document["type"] == "workspaces/services"
    assert document["properties"]["provisioningState"] == "Creating"
    assert document["properties"]["sizeGb"] == 500
    assert document["properties"]["credentials"] is None
    assert Database.objects.get().size_bytes == 500 * GIB


def test_a_repeated_wish_starts_nothing_new(owner):
    first = owner.put(URL, asking_for(), format="json")
    second = owner.put(URL, asking_for(), format="json")
    assert second.status_code == 202
    assert second["Operation-Location"] == first["Operation-Location"]
    assert Operation.objects.count() == Database.objects.count() == 1


def test_a_wish_that_stands_already_is_answered_200(owner):
    a_ready_service()
    answer = owner.put(URL, asking_for(), format="json")
    assert answer.status_code == 200
    assert answer.json()["properties"]["provisioningState"] == "Succeeded"
    assert not Operation.objects.exists()


def test_another_size_while_it_is_being_made_is_a_conflict_that_names_the_operation(owner):
    first = owner.put(URL, asking_for(), format="json")
    answer = owner.put(URL, asking_for(size=600), format="json")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == answer["x-ms-error-code"] == "OperationInProgress"
    assert answer["Operation-Location"] == first["Operation-Location"]


def test_a_smaller_size_of_a_ready_service_is_refused(owner):
    a_ready_service()
    answer = owner.put(URL, asking_for(size=400), format="json")
    assert (answer.status_code, answer["x-ms-error-code"]) == (409, "ChangeNotSupported")


@pytest.mark.parametrize(
    ("kind", "size", "code"),
    [
        ("iot", 10, "UnsupportedServiceKind"),
        ("fhir", 150 * 1024, "SizeNotSupported"),
        ("dicom", 10**40, "SizeNotSupported"),
    ],
)
def test_what_azure_sql_cannot_hold_is_refused_and_the_refusal_recorded(owner, kind, size, code):
    answer = owner.put(URL, asking_for(kind, size), format="json")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == answer["x-ms-error-code"] == code
    assert not ServiceInstance.objects.exists()
    event = AuditEvent.objects.get(action="api.refused")
    assert (event.outcome, event.workspace, event.after["code"]) == ("refused", "cigna", code)
    assert event.request_id == answer["x-ms-request-id"]


def test_a_service_above_the_pools_limit_becomes_hyperscale(owner):
    answer = owner.put(URL, asking_for(size=20 * 1024), format="json")
    assert answer.status_code == 202
    assert answer.json()["properties"]["database"]["tier"] == "Hyperscale"
    assert Database.objects.get().size_bytes == 20 * TIB


def test_a_failed_service_shows_why_and_may_be_asked_for_again(owner):
    database = a_ready_service()
    Database.objects.filter(pk=database.pk).update(status=Status.FAILED, error_code="X", error_message="Because.")
    assert owner.get(URL).json()["properties"]["error"] == {"code": "X", "message": "Because."}
    answer = owner.put(URL, asking_for(), format="json")
    assert answer.status_code == 202
    assert answer.json()["properties"]["database"]["name"] == database.azure_name


def test_owners_see_their_database_but_not_the_pool_they_share(owner, directory):
    database = a_ready_service()
    pool = a_pool()
    Database.objects.filter(pk=database.pk).update(pool=pool, server=pool.server)
    shown = owner.get(URL).json()["properties"]
    assert shown["database"] == {
        "name": database.azure_name,
        "tier": "GeneralPurpose",
        "endpoint": "localhost",
        "server": pool.server.azure_name,
    }
    auditor = directory.caller("auditor", Role.AUDITOR)
    assert auditor.get(URL).json()["properties"]["database"]["pool"] == pool.azure_name


@override_settings(AZURE_VAULT_URL="https://vault.example")
def test_credentials_are_shown_by_reference_only(owner):
    database = a_ready_service()
    assert owner.get(URL).json()["properties"]["credentials"] == {
        "signIn": "secret",
        "vaultUri": "https://vault.example",
        "secretName": database.azure_name,
        "userName": "svc_a",
        "validUntil": None,
    }


def test_a_deletion_is_accepted_and_may_be_repeated(owner):
    a_ready_service()
    first, second = owner.delete(URL), owner.delete(URL)
    assert first.status_code == second.status_code == 202
    assert first["Operation-Location"] == first["Location"] == second["Operation-Location"]
    assert first.json()["kind"] == "delete_database"
    assert owner.get(URL).json()["properties"]["provisioningState"] == "Deleting"


def test_a_deletion_during_creation_runs_next(owner):
    owner.put(URL, asking_for(), format="json")
    answer = owner.delete(URL)
    assert answer.status_code == 202
    creation = Operation.objects.get(kind="create_database")
    assert creation.cancel_requested_at is not None
    assert Operation.objects.get(kind="delete_database").follows == creation


def test_an_absent_service_is_deleted_already_and_not_found(owner):
    assert owner.delete(URL).status_code == 204
    answer = owner.get(URL)
    assert (answer.status_code, answer["x-ms-error-code"]) == (404, "ServiceNotFound")


def test_a_list_of_services_is_paged_by_name_and_stable_under_writes(owner):
    for name in ("beta", "alpha", "delta", "gamma"):
        a_ready_service(name)
    first = owner.get("/api/v1/workspaces/cigna/services?maxpagesize=2").json()
    assert [row["name"] for row in first["value"]] == ["alpha", "beta"]
    a_ready_service("aaron")
    second = owner.get(first["nextLink"]).json()
    assert [row["name"] for row in second["value"]] == ["delta", "gamma"]
    assert "nextLink" not in second


def test_reading_a_service_costs_few_queries(owner, django_assert_max_num_queries):
    a_ready_service()
    owner.get(URL)  # the first request also records the sign-in
    with django_assert_max_num_queries(2):
        assert owner.get(URL).status_code == 200


def test_a_membership_that_ends_ends_access_at_once(owner):
    a_ready_service()
    assert owner.get(URL).status_code == 200
    a_workspace("cigna").members.all().delete()
    answer = owner.get(URL)
    assert (answer.status_code, answer["x-ms-error-code"]) == (404, "WorkspaceNotFound")


def test_operations_of_a_names_former_holder_stay_hidden(owner):
    owner.put(URL, asking_for(), format="json")
    operation = Operation.objects.get()
    Operation.objects.update(created_at=operation.created_at - timedelta(days=1))
    assert owner.get(f"/api/v1/operations/{operation.pk}").status_code == 404
    assert owner.get("/api/v1/operations").json() == {"value": []}

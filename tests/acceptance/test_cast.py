"""DICOM Cast as its users ask for it, and where they find its credential."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database, ServiceInstance
from inventory.states import Status
from operations.models import Operation
from rotation.models import Credential
from tests.acceptance.callers import Directory
from tests.builders import GIB, a_credential, a_database, a_pool, a_service, a_workspace

pytestmark = pytest.mark.django_db
URL = "/api/v1/workspaces/cigna/services/imaging"
IDENTITY = {
    "name": "imaging-api",
    "objectId": "0197f000-0000-7000-8000-00000000000a",
    "clientId": "0197f000-0000-7000-8000-00000000000b",
}


def asking_for(**properties: object) -> dict[str, object]:
    return {"properties": {"kind": "dicom", "sizeGb": 100, **properties}}


@pytest.fixture
def owner(directory: Directory) -> APIClient:
    return directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))


def a_ready_service(*, cast: bool) -> Database:
    service = a_service(a_workspace("cigna"), "imaging", "dicom")
    ServiceInstance.objects.filter(pk=service.pk).update(has_cast=cast)
    database = a_database(service, status=Status.READY, size_bytes=100 * GIB)
    a_credential(database)
    if cast:
        a_credential(database, "cast-a", user_name="svc_cast_a", stable_secret=f"{database.azure_name}-cast")
    return database


def test_a_service_is_made_with_it_in_one_operation(owner: APIClient):
    answer = owner.put(URL, asking_for(cast=True), format="json")
    assert (answer.status_code, answer.json()["properties"]["cast"]) == (202, True)
    assert answer.json()["properties"]["castCredentials"] is None
    operation = Operation.objects.get()
    assert (operation.kind, operation.input["cast"]) == ("create_database", True)
    assert owner.put(URL, asking_for(cast=True), format="json").status_code == 202
    other = owner.put(URL, asking_for(cast=False), format="json")
    assert (other.status_code, other["x-ms-error-code"]) == (409, "OperationInProgress")


def test_a_fhir_service_is_refused_it_and_may_say_that_it_has_none(owner: APIClient):
    refused = owner.put(URL, asking_for(kind="fhir", cast=True), format="json")
    assert (refused.status_code, refused["x-ms-error-code"]) == (400, "CastNotSupported")
    assert not ServiceInstance.objects.exists()
    assert owner.put(URL, asking_for(kind="fhir", cast=False), format="json").status_code == 202


def test_where_only_entra_may_sign_in_it_is_refused(directory: Directory):
    owner = directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna", auth_mode="entra_only"))
    refused = owner.put(URL, asking_for(cast=True, identity=IDENTITY), format="json")
    assert (refused.status_code, refused["x-ms-error-code"]) == (400, "CastNotSupported")
    assert "only Entra may sign in" in refused.json()["error"]["message"]
    assert not ServiceInstance.objects.exists()
    assert owner.put(URL, asking_for(identity=IDENTITY), format="json").status_code == 202


def test_its_credential_has_a_reference_of_its_own(owner: APIClient):
    database = a_ready_service(cast=True)
    shown = owner.get(URL).json()["properties"]
    assert shown["credentials"]["secretName"] == database.azure_name
    assert shown["castCredentials"]["secretName"] == f"{database.azure_name}-cast"
    assert shown["castCredentials"]["userName"] == "svc_cast_a"
    references = owner.get(f"{URL}/credentials").json()
    assert [user["name"] for user in references["users"]] == ["svc_a"]
    assert references["cast"]["secretName"] == f"{database.azure_name}-cast"
    assert [user["name"] for user in references["cast"]["users"]] == ["svc_cast_a"]
    assert len(owner.get("/api/v1/workspaces/cigna/services").json()["value"]) == 1


def test_without_it_there_is_no_reference(owner: APIClient):
    a_ready_service(cast=False)
    shown = owner.get(URL).json()["properties"]
    assert (shown["cast"], shown["castCredentials"]) == (False, None)
    assert owner.get(f"{URL}/credentials").json()["cast"] is None


def test_a_put_switches_it_on_and_a_put_without_it_off(owner: APIClient):
    database = a_ready_service(cast=False)
    on = owner.put(URL, asking_for(cast=True), format="json")
    assert (on.status_code, on.json()["properties"]["cast"]) == (202, True)
    monitor = owner.get(on["Operation-Location"]).json()
    assert (monitor["kind"], monitor["properties"]["target"]) == ("issue_cast_credential", URL)
    assert owner.put(URL, asking_for(cast=True), format="json")["Operation-Location"] == on["Operation-Location"]
    assert owner.put(URL, asking_for(), format="json")["Operation-Location"] == on["Operation-Location"]

    Operation.objects.update(state="succeeded")
    a_credential(database, "cast-a", user_name="svc_cast_a", stable_secret=f"{database.azure_name}-cast")
    assert owner.put(URL, asking_for(cast=True), format="json").status_code == 200
    off = owner.put(URL, asking_for(), format="json")
    assert (off.status_code, off.json()["properties"]["cast"]) == (202, False)
    assert owner.get(off["Operation-Location"]).json()["kind"] == "revoke_credential"
    Operation.objects.update(state="succeeded")
    Credential.objects.filter(slot="cast-a").update(status="retired")
    assert owner.put(URL, asking_for(), format="json").status_code == 200


def test_the_plan_of_a_switch_tells_its_steps_and_changes_nothing(owner: APIClient):
    a_ready_service(cast=False)
    plan = owner.put(f"{URL}?dryRun=true", asking_for(cast=True), format="json").json()["properties"]
    assert (plan["action"], plan["operations"][0]["kind"]) == ("change", "issue_cast_credential")
    assert plan["operations"][0]["steps"][-1] == "promote"
    assert not Operation.objects.exists()
    assert not ServiceInstance.objects.filter(has_cast=True).exists()


def test_a_plan_tells_the_steps_for_cast_only_where_it_is_wished_for(owner: APIClient):
    a_pool()
    with_it = owner.put(f"{URL}?dryRun=true", asking_for(cast=True), format="json").json()["properties"]
    without = owner.put(f"{URL}?dryRun=true", asking_for(), format="json").json()["properties"]
    assert with_it["operations"][-1]["steps"][-1] == "publish_cast_secret"
    assert without["operations"][-1]["steps"][-1] == "publish_secret"
    assert with_it["planHash"] != without["planHash"]


@pytest.mark.parametrize("query", ["", "?dryRun=true"])
def test_size_and_cast_change_one_after_the_other(query: str, owner: APIClient):
    a_ready_service(cast=False)
    answer = owner.put(URL + query, asking_for(cast=True, sizeGb=200), format="json")
    if query:
        refusals = answer.json()["properties"]["refusals"]
        assert [refusal["code"] for refusal in refusals] == ["ChangeNotSupported"]
    else:
        assert (answer.status_code, answer["x-ms-error-code"]) == (409, "ChangeNotSupported")
    assert not Operation.objects.exists()
    assert not ServiceInstance.objects.filter(has_cast=True).exists()

"""Services that sign in as identities of Entra: who they are is asked for, kept and shown; there is no secret to refer to."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Workspace
from inventory.states import Status
from operations.models import AuditEvent
from rotation.models import Credential
from tests.acceptance.callers import Directory
from tests.builders import a_database, a_region, a_server, a_service, a_workspace

pytestmark = pytest.mark.django_db
URL = "/api/v1/workspaces/humana/services/claims"
IDENTITY = {
    "name": "claims-api",
    "objectId": "0197f000-0000-7000-8000-00000000000a",
    "clientId": "0197f000-0000-7000-8000-00000000000b",
}


@pytest.fixture
def workspace() -> Workspace:
    return a_workspace("humana", a_region("eastus"), auth_mode="entra_only")


@pytest.fixture
def owner(workspace: Workspace, directory: Directory) -> APIClient:
    return directory.caller("owner", Role.WORKSPACE_OWNER, member_of=workspace)


def put(owner: APIClient, **wish: Any) -> Any:
    return owner.put(URL, {"properties": {"kind": "fhir", "sizeGb": 10, **wish}}, format="json")


def test_the_identity_is_kept_shown_and_audited(owner: APIClient):
    given = {**IDENTITY, "objectId": IDENTITY["objectId"].upper()}
    assert put(owner, identity=given).json()["properties"]["identity"] == IDENTITY
    assert owner.get(URL).json()["properties"]["identity"] == IDENTITY
    assert AuditEvent.objects.get(action="service.requested").after["identity"]["name"] == "claims-api"


@pytest.mark.parametrize(
    ("auth_mode", "wish", "code"),
    [("entra_only", {}, "IdentityNeeded"), ("sql", {"identity": IDENTITY}, "IdentityNotUsed")],
)
def test_it_belongs_where_only_entra_may_sign_in(owner: APIClient, workspace: Workspace, auth_mode, wish, code):
    Workspace.objects.filter(pk=workspace.pk).update(auth_mode=auth_mode)
    answer = put(owner, **wish)
    assert (answer.status_code, answer["x-ms-error-code"]) == (400, code)


def test_references_say_where_and_as_whom_to_sign_in_without_a_secret(owner: APIClient, workspace: Workspace):
    server = a_server(workspace.region, auth_mode="entra_only", observed_endpoint="s.database.windows.net")
    database = a_database(a_service(workspace, "claims"), server=server, status=Status.READY)
    Credential.objects.create(database=database, slot="a", user_name="claims-api", status="active")
    shown = owner.get(f"{URL}/credentials").json()
    assert (shown["signIn"], shown["endpoint"], shown["database"]) == ("entra", server.observed_endpoint, str(database))
    assert {shown[field] for field in ("vaultUri", "secretName", "secretVersion", "validUntil")} == {None}
    assert [user["name"] for user in shown["users"]] == ["claims-api"]
    credentials = owner.get(URL).json()["properties"]["credentials"]
    assert (credentials["signIn"], credentials["secretName"], credentials["userName"]) == ("entra", None, "claims-api")

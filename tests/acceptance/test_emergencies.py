"""An emergency over the REST interface: how far, why, and how it is going."""

from __future__ import annotations

import json

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database
from inventory.states import Status
from operations.models import AuditEvent, Operation
from tests.acceptance.callers import Directory
from tests.builders import a_credential, a_database, a_region, a_server, a_service, a_workspace
from tests.local_azure import work_alone

pytestmark = pytest.mark.django_db
EVERYWHERE = "/api/v1/emergency-rotations"
REASON = "A laptop was stolen."


def posted(client: APIClient, address: str, **body: object):
    return client.post(address, json.dumps(body), content_type="application/json")


def begin() -> None:
    """Workers look at the emergency itself, and at nothing that it has begun."""
    work_alone(Operation.objects.get(kind="emergency_rotation"))


@pytest.fixture
def database() -> Database:
    workspace = a_workspace("cigna", a_region())
    found = a_database(a_service(workspace, "claims"), status=Status.READY, server=a_server())
    a_credential(found)
    return found


@pytest.fixture
def operator(directory: Directory) -> APIClient:
    return directory.caller("operator", Role.OPERATOR)


def test_an_owner_replaces_a_workspace_and_sees_how_far_it_is(directory: Directory, database: Database):
    assert database.service is not None
    owner = directory.caller("owner", Role.WORKSPACE_OWNER, member_of=database.service.workspace)
    answer = posted(owner, "/api/v1/workspaces/cigna/emergency-rotations", reason=REASON)
    assert answer.status_code == 202
    begin()
    shown = owner.get(answer["Operation-Location"]).json()
    assert shown["kind"] == "emergency_rotation"
    assert shown["progress"] == {"databases": 1, "replaced": 0, "needAttention": 0}
    below = owner.get(f"/api/v1/operations?parentId={shown['id']}").json()["value"]
    assert [one["kind"] for one in below] == ["rotate_credential"]
    event = AuditEvent.objects.get(action="credentials.emergency_requested")
    assert (event.reason, event.workspace) == (REASON, "cigna")
    assert event.actor.startswith("entra:")


@pytest.mark.parametrize("scope", ["workspace", "server", "database", "everything"])
def test_an_operator_says_how_far(operator: APIClient, database: Database, scope: str):
    assert database.server is not None
    names = {"workspace": "cigna", "server": database.server.azure_name, "database": database.azure_name}
    answer = posted(operator, EVERYWHERE, scope=scope, name=names.get(scope, ""), reason=REASON)
    assert answer.status_code == 202
    begin()
    begun = Operation.objects.get(kind="rotate_credential")
    assert begun.target_key == f"credential:{database.pk}"
    assert begun.input == {"emergency": True, "reason": REASON}


def test_the_same_emergency_is_not_declared_twice(operator: APIClient, database: Database):
    first = posted(operator, EVERYWHERE, scope="everything", reason=REASON)
    second = posted(operator, EVERYWHERE, scope="everything", reason=REASON)
    assert (second.status_code, second["x-ms-error-code"]) == (409, "OperationInProgress")
    assert second["Operation-Location"] == first["Operation-Location"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"scope": "everything"}, 400, "InvalidRequestBody"),
        ({"scope": "everything", "reason": "  "}, 400, "InvalidRequestBody"),
        ({"scope": "everything", "name": "cigna", "reason": REASON}, 400, "InvalidRequestBody"),
        ({"scope": "server", "reason": REASON}, 400, "InvalidRequestBody"),
        ({"scope": "planet", "reason": REASON}, 400, "InvalidRequestBody"),
        ({"scope": "server", "name": "nowhere", "reason": REASON}, 404, "ServerNotFound"),
        ({"scope": "database", "name": "nowhere", "reason": REASON}, 404, "DatabaseNotFound"),
        ({"scope": "workspace", "name": "nowhere", "reason": REASON}, 404, "WorkspaceNotFound"),
    ],
)
def test_what_is_not_clear_changes_nothing(operator: APIClient, database: Database, body, status: int, code: str):
    answer = posted(operator, EVERYWHERE, **body)
    assert (answer.status_code, answer["x-ms-error-code"]) == (status, code)
    assert not Operation.objects.exists()


def test_a_service_without_a_credential_has_nothing_to_replace(operator: APIClient):
    a_database(a_service(a_workspace("cigna", a_region()), "claims"))
    answer = posted(operator, "/api/v1/workspaces/cigna/services/claims/emergency-rotations", reason=REASON)
    assert (answer.status_code, answer["x-ms-error-code"]) == (404, "CredentialNotFound")

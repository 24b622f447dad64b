"""References to a credential: which users, which version, until when; never a value."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from controlplane.api.principals import Role
from inventory.states import Status
from tests.acceptance.callers import Directory
from tests.builders import a_credential, a_database, a_region, a_service, a_workspace

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/workspaces/cigna/services/claims/credentials"
LATER = datetime(2027, 1, 1, tzinfo=UTC)


def test_during_an_overlap_both_users_are_shown_and_the_secret_once(directory: Directory):
    workspace = a_workspace("cigna", a_region())
    database = a_database(a_service(workspace, "claims"), status=Status.READY)
    a_credential(database, "a", status="overlapping", retire_by=LATER)
    a_credential(database, "b", stable_version="77", valid_until=LATER)
    answer = directory.caller("owner", Role.WORKSPACE_OWNER, member_of=workspace).get(ADDRESS)
    document = answer.json()
    assert answer.status_code == 200
    assert (document["secretName"], document["secretVersion"]) == (database.azure_name, "77")
    assert [(user["name"], user["state"]) for user in document["users"]] == [
        ("svc_b", "Active"),
        ("svc_a", "Overlapping"),
    ]
    assert "password" not in answer.content.decode()


def test_before_the_first_was_issued_there_is_none(directory: Directory):
    workspace = a_workspace("cigna", a_region())
    a_database(a_service(workspace, "claims"))
    answer = directory.caller("owner", Role.WORKSPACE_OWNER, member_of=workspace).get(ADDRESS)
    assert (answer.status_code, answer["x-ms-error-code"]) == (404, "CredentialNotFound")

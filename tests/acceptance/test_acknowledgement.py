"""A service says which version it uses, and owners see who is signed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database
from inventory.states import Status
from operations import clock
from operations.models import AuditEvent, Operation
from rotation.models import Credential
from tests.acceptance.callers import Directory
from tests.builders import a_credential, a_database, a_region, a_server, a_service, a_workspace

pytestmark = pytest.mark.django_db
SERVICE = "/api/v1/workspaces/cigna/services/claims"
ACKNOWLEDGE, SESSIONS = f"{SERVICE}/credentials:acknowledge", f"{SERVICE}/credentials/sessions"
SOME_TIME = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def owner(directory: Directory) -> APIClient:
    """Of a workspace whose only service has a credential that was just renewed: svc_b replaces svc_a."""
    workspace = a_workspace("cigna", a_region())
    database = a_database(a_service(workspace, "claims"), status=Status.READY)
    now = clock.now()
    overlap = {"retire_after": now + timedelta(hours=12), "retire_by": now + timedelta(hours=36)}
    a_credential(database, "a", status="overlapping", stable_version="76", **overlap)
    a_credential(database, "b", stable_version="77")
    return directory.caller("owner", Role.WORKSPACE_OWNER, member_of=workspace)


def said(caller: APIClient, version: object) -> tuple[int, str]:
    answer = caller.post(ACKNOWLEDGE, {"secretVersion": version}, format="json")
    return answer.status_code, answer.get("x-ms-error-code", "")


def overlapping() -> Credential:
    return Credential.objects.get(status="overlapping")


def test_after_an_acknowledgement_the_old_user_waits_for_its_sessions_alone(owner: APIClient):
    deadline = overlapping().retire_by
    assert said(owner, "77") == (200, "")
    old = overlapping()
    assert old.retire_after is not None
    assert old.retire_after <= clock.now()
    assert old.retire_by == deadline
    users = owner.get(f"{SERVICE}/credentials").json()["users"]
    assert [bool(user["acknowledgedAt"]) for user in users] == [True, False]


def test_it_is_audited_once_however_often_it_is_said(owner: APIClient):
    assert [said(owner, "77"), said(owner, "77")] == [(200, ""), (200, "")]
    event = AuditEvent.objects.get(action="credential.acknowledged")
    assert (event.workspace, event.after["version"], event.after["user"]) == ("cigna", "77", "svc_b")
    assert event.target == f"credential:{Database.objects.get().pk}"


def test_an_old_version_or_one_that_never_was_is_refused(owner: APIClient):
    before = overlapping().retire_after
    assert said(owner, "76") == (409, "VersionNotActive")
    assert said(owner, "78") == (409, "VersionNotActive")
    assert overlapping().retire_after == before
    assert Credential.objects.filter(acknowledged_at__isnull=False).count() == 0


@pytest.mark.parametrize("version", ["", 77, None, "7\x007", "x" * 65, "7/7"])
def test_what_cannot_be_a_version_is_told_apart(owner: APIClient, version: object):
    assert said(owner, version) == (400, "InvalidRequestBody")


def test_before_the_first_credential_there_is_nothing_to_acknowledge_or_count(directory: Directory):
    workspace = a_workspace("cigna", a_region())
    a_database(a_service(workspace, "claims"))
    caller = directory.caller("owner", Role.WORKSPACE_OWNER, member_of=workspace)
    assert said(caller, "77") == (409, "VersionNotActive")
    for answer in (caller.get(SESSIONS), caller.post(SESSIONS)):
        assert (answer.status_code, answer["x-ms-error-code"]) == (404, "CredentialNotFound")


def test_counts_are_shown_with_the_moment_at_which_somebody_looked(owner: APIClient):
    Credential.objects.filter(slot="a").update(open_sessions=3, sessions_seen_at=SOME_TIME)
    assert owner.get(SESSIONS).json() == {
        "users": [
            {"name": "svc_b", "state": "Active", "openSessions": None, "lookedAt": None},
            {"name": "svc_a", "state": "Overlapping", "openSessions": 3, "lookedAt": "2026-05-01T00:00:00Z"},
        ]
    }


def test_a_fresh_look_is_an_operation_and_two_wishes_are_one(owner: APIClient):
    first, second = owner.post(SESSIONS), owner.post(SESSIONS)
    assert [first.status_code, second.status_code] == [202, 202]
    operation = Operation.objects.get()
    assert operation.kind == "count_sessions"
    assert first["Operation-Location"].endswith(f"/operations/{operation.pk}")
    assert second["Operation-Location"] == first["Operation-Location"]


def test_where_only_entra_may_sign_in_nothing_is_counted(owner: APIClient):
    database = Database.objects.get()
    Database.objects.update(server=a_server(auth_mode="entra_only", region=database.region))
    answer = owner.post(SESSIONS)
    assert (answer.status_code, answer["x-ms-error-code"]) == (409, "SessionsNotCounted")
    assert not Operation.objects.exists()

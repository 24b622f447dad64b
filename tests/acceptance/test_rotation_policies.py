"""A workspace's policy: when its credentials are renewed, within the platform's bounds; due dates follow it at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Workspace
from inventory.states import Status
from operations import clock
from operations.models import AuditEvent
from rotation.models import Credential
from tests.acceptance.callers import Directory
from tests.builders import a_credential, a_database, a_region, a_service, a_workspace

pytestmark = pytest.mark.django_db
URL = "/api/v1/workspaces/cigna"
NIGHT = {"firstHour": 22, "endHour": 4, "timeZone": "Asia/Kolkata"}


@pytest.fixture
def operator(directory: Directory) -> APIClient:
    a_region("eastus")
    return directory.caller("operator", Role.OPERATOR)


def put(operator: APIClient, rotation: Any):
    return operator.put(URL, {"properties": {"region": "eastus", "rotation": rotation}}, format="json")


def test_a_policy_is_kept_shown_and_audited(operator: APIClient):
    policy = {"days": 14, "window": NIGHT}
    assert put(operator, policy).json()["properties"]["rotation"] == policy
    assert operator.get(URL).json()["properties"]["rotation"] == policy
    after = AuditEvent.objects.get(action="workspace.created").after
    assert (after["rotation_days"], after["time_zone"]) == (14, "Asia/Kolkata")


def test_without_one_the_platforms_own_counts(operator: APIClient):
    assert operator.put(URL, {"properties": {"region": "eastus"}}, format="json").status_code == 201
    assert operator.get(URL).json()["properties"]["rotation"] == {"days": None, "window": None}


def test_due_dates_follow_a_changed_policy_at_once(operator: APIClient):
    workspace = a_workspace("cigna", a_region("eastus"))
    now = clock.now()
    for name in ("claims", "imaging", "notes"):
        database = a_database(a_service(workspace, name), status=Status.READY)
        a_credential(database, promoted_at=now, rotate_after=now + timedelta(days=30))
    put(operator, {"days": 5, "window": NIGHT})
    dues = list(Credential.objects.values_list("rotate_after", flat=True))
    assert all(due is not None and now < due <= now + timedelta(days=5) for due in dues)
    assert len(set(dues)) == 3
    put(operator, {"days": 50})
    assert max(due for due in Credential.objects.values_list("rotate_after", flat=True) if due) > now + timedelta(
        days=5
    )


def test_an_alerted_credential_is_not_put_off_by_a_longer_policy(operator: APIClient):
    database = a_database(a_service(a_workspace("cigna", a_region("eastus")), "claims"), status=Status.READY)
    due = clock.now()
    a_credential(database, promoted_at=due, rotate_after=due, alerted_days=30)
    put(operator, {"days": 50})
    assert Credential.objects.get().rotate_after == due


@pytest.mark.parametrize(
    ("rotation", "code", "says"),
    [
        ({"days": 0}, "RotationPolicyNotPossible", "after 1 to 59 days, not 0"),
        ({"days": 60}, "RotationPolicyNotPossible", "after 1 to 59 days, not 60"),
        ({"window": {**NIGHT, "timeZone": "Mars/Base"}}, "RotationPolicyNotPossible", "no time zone Mars/Base"),
        ({"window": {"firstHour": 22}}, "InvalidRequestBody", "properties.rotation.window.endHour"),
        ({"window": {**NIGHT, "firstHour": 24}}, "InvalidRequestBody", "properties.rotation.window.firstHour"),
        ({"days": "7"}, "InvalidRequestBody", "properties.rotation.days"),
        ({"weeks": 1}, "UnknownField", "properties.rotation.weeks"),
    ],
    ids=str,
)
def test_what_is_not_possible_is_said_and_changes_nothing(operator: APIClient, rotation: Any, code: str, says: str):
    answer = put(operator, rotation)
    assert (answer.status_code, answer["x-ms-error-code"]) == (400, code)
    assert says in answer.json()["error"]["message"]
    assert not Workspace.objects.exists()

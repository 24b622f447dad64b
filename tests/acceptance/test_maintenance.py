"""Windows and freezes over HTTP: owners set their workspace's, operators the fleet's."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Freeze, MaintenanceWindow
from operations.models import AuditEvent
from tests.acceptance.callers import Directory
from tests.acceptance.wrong_values import FREEZE, WINDOW
from tests.builders import a_workspace

pytestmark = pytest.mark.django_db
WORKSPACE, FLEET = "/api/v1/workspaces/cigna/maintenance", "/api/v1/maintenance"


def put(client: APIClient, address: str, **properties: Any) -> Any:
    return client.put(address, {"properties": properties}, format="json")


@pytest.fixture
def owner(directory: Directory) -> APIClient:
    return directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))


@pytest.fixture
def operator(directory: Directory) -> APIClient:
    return directory.caller("operator", Role.OPERATOR)


def test_an_owner_sets_the_window_and_reads_it_back(owner: APIClient):
    answer = put(owner, WORKSPACE, windows=[WINDOW], freezes=[FREEZE])
    assert answer.status_code == 200, answer.content
    shown = owner.get(WORKSPACE).json()["properties"]
    assert shown["windows"] == [WINDOW]
    assert shown["freezes"] == [FREEZE]
    assert shown["nextOpening"]["startsAt"].endswith("Z")


def test_every_change_is_audited_with_before_and_after_and_repeating_it_is_none(owner: APIClient):
    for _ in range(2):
        put(owner, WORKSPACE, windows=[WINDOW])
    event = AuditEvent.objects.get(action="maintenance.changed")
    assert (event.workspace, event.before["windows"]) == ("cigna", [])
    assert event.after["windows"] == [["0", "22:00:00", "60", "Europe/Berlin"]]


def test_an_empty_wish_takes_windows_and_freezes_away(owner: APIClient):
    put(owner, WORKSPACE, windows=[WINDOW], freezes=[FREEZE])
    assert put(owner, WORKSPACE).status_code == 200
    assert not MaintenanceWindow.objects.exists()
    assert not Freeze.objects.exists()
    assert owner.get(WORKSPACE).json()["properties"]["nextOpening"] == {"startsAt": None, "endsAt": None}


def test_a_workspace_without_windows_has_the_fleets_and_its_freezes_count_for_all(
    owner: APIClient, operator: APIClient
):
    put(operator, FLEET, windows=[{**WINDOW, "timeZone": "UTC"}], freezes=[])
    theirs = owner.get(WORKSPACE).json()["properties"]
    assert theirs["windows"] == []
    assert theirs["nextOpening"] == operator.get(FLEET).json()["properties"]["nextOpening"]
    put(owner, WORKSPACE, windows=[{**WINDOW, "day": "friday"}])
    assert owner.get(WORKSPACE).json()["properties"]["nextOpening"] != theirs["nextOpening"]


def test_of_two_owners_who_change_it_at_once_the_second_must_look_again(owner: APIClient):
    tag = owner.get(WORKSPACE)["ETag"]
    held = {"HTTP_IF_MATCH": tag}
    first = owner.put(WORKSPACE, {"properties": {"windows": [WINDOW]}}, format="json", **held)
    second = owner.put(WORKSPACE, {"properties": {"windows": []}}, format="json", **held)
    assert (first.status_code, second.status_code) == (200, 412)


@pytest.mark.parametrize(
    "properties",
    [
        {"windows": [{**WINDOW, "timeZone": "Mars/Olympus"}]},
        {"windows": [WINDOW, {**WINDOW, "minutes": 90}]},
        {"freezes": [{**FREEZE, "endsAt": FREEZE["startsAt"]}]},
        {"freezes": [{**FREEZE, "endsAt": "2028-12-20T00:00:00Z"}]},
        {"freezes": [{**FREEZE, "startsAt": "9999-12-20T00:00:00Z", "endsAt": "9999-12-31T00:00:00Z"}]},
    ],
    ids=str,
)
def test_windows_and_freezes_that_cannot_be_are_refused(properties: dict[str, Any], operator: APIClient):
    answer = put(operator, FLEET, **properties)
    assert (answer.status_code, answer["x-ms-error-code"]) == (400, "MaintenanceNotPossible")
    assert not Freeze.objects.exists()

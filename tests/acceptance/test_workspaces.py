from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Member, Region, Workspace
from operations.models import AuditEvent
from tests.acceptance.callers import TENANT, Directory
from tests.builders import a_region, a_workspace

pytestmark = pytest.mark.django_db
URL = "/api/v1/workspaces/cigna"
SOMEBODY = "aaaaaaaa-0000-0000-0000-00000000000A"


@pytest.fixture
def operator(directory: Directory) -> APIClient:
    a_region("eastus")
    return directory.caller("operator", Role.OPERATOR)


def wish(**properties: object) -> dict[str, object]:
    return {"properties": {"region": "eastus", **properties}}


def test_an_operator_makes_a_workspace_and_its_owner_sees_it(operator: APIClient, directory: Directory):
    members = [{"tenantId": TENANT, "objectId": directory.object_id("owner")}]
    answer = operator.put(URL, wish(displayName="Cigna", retentionDays=14, members=members), format="json")
    assert answer.status_code == 201
    assert answer["Location"] == f"http://testserver{URL}"
    owner = directory.caller("owner", Role.WORKSPACE_OWNER)
    document = owner.get(URL).json()
    assert document == answer.json()
    assert document["id"] == URL
    assert document["properties"]["retentionDays"] == 14
    assert document["properties"]["members"] == members
    event = AuditEvent.objects.get(action="workspace.created")
    assert event.after["members"] == [f"{TENANT}/{directory.object_id('owner')}"]


def test_the_same_wish_again_changes_nothing(operator: APIClient):
    operator.put(URL, wish(), format="json")
    assert operator.put(URL, wish(), format="json").status_code == 200
    assert Workspace.objects.count() == 1
    assert not AuditEvent.objects.filter(action="workspace.changed").exists()


def test_another_wish_replaces_properties_and_members(operator: APIClient):
    operator.put(URL, wish(members=[{"tenantId": TENANT, "objectId": SOMEBODY}]), format="json")
    assert Member.objects.get().object_id == SOMEBODY.lower()
    answer = operator.put(URL, wish(displayName="New"), format="json")
    assert (answer.status_code, answer.json()["properties"]["members"]) == (200, [])
    event = AuditEvent.objects.get(action="workspace.changed")
    assert event.before["members"] == [f"{TENANT}/{SOMEBODY.lower()}"]
    assert event.after["display_name"] == "New"


def test_a_workspace_stays_in_its_region(operator: APIClient):
    a_region("westus")
    operator.put(URL, wish(), format="json")
    answer = operator.put(URL, wish(region="westus"), format="json")
    assert (answer.status_code, answer["x-ms-error-code"]) == (409, "ChangeNotSupported")


def test_a_closed_region_takes_no_new_workspace(operator: APIClient):
    Region.objects.update(is_open=False)
    answer = operator.put(URL, wish(), format="json")
    assert (answer.status_code, answer["x-ms-error-code"]) == (409, "RegionClosed")


def test_workspaces_are_listed_by_name_page_by_page(operator: APIClient):
    for name in ("delta", "alpha", "charlie", "bravo", "echo"):
        a_workspace(name)
    names: list[str] = []
    link = "/api/v1/workspaces?maxpagesize=2"
    while link:
        page = operator.get(link).json()
        assert len(page["value"]) <= 2
        names += [row["name"] for row in page["value"]]
        link = page.get("nextLink")
    assert names == ["alpha", "bravo", "charlie", "delta", "echo"]


def test_how_services_sign_in_is_chosen_when_a_workspace_is_made_and_stays(directory: Directory, settings):
    a_region("eastus")
    operator, url = directory.caller("operator", Role.OPERATOR), "/api/v1/workspaces/humana"

    def put(**wish: object):
        return operator.put(url, {"properties": {"region": "eastus", **wish}}, format="json")

    refused = put(authMode="entra_only")
    assert (refused.status_code, refused["x-ms-error-code"]) == (409, "EntraOnlyNotPossible")
    settings.SQL_ENTRA_ADMIN_OBJECT_ID = "0197f000-0000-7000-8000-000000000000"
    assert put(authMode="entra_only").json()["properties"]["authMode"] == "entra_only"
    assert put(displayName="Humana").json()["properties"]["authMode"] == "entra_only"
    changed = put(authMode="sql")
    assert (changed.status_code, changed["x-ms-error-code"]) == (409, "ChangeNotSupported")

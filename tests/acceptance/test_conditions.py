"""ETags: reading what is known already, and writing only what one has seen."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database, Workspace
from operations.models import Operation
from tests.acceptance.callers import Directory
from tests.builders import a_region

pytestmark = pytest.mark.django_db
WORKSPACE = "/api/v1/workspaces/cigna"
SERVICE = f"{WORKSPACE}/services/claims"
MADE = {
    WORKSPACE: {"properties": {"region": "eastus"}},
    SERVICE: {"properties": {"kind": "fhir", "sizeGb": 10}},
}


@pytest.fixture
def operator(directory: Directory) -> APIClient:
    a_region("eastus")
    client = directory.caller("operator", Role.OPERATOR)
    for url in (WORKSPACE, SERVICE):
        assert client.put(url, MADE[url], format="json").status_code in (201, 202)
    return client


def test_what_is_known_already_is_not_sent_again(operator: APIClient):
    urls = [WORKSPACE, SERVICE, f"/api/v1/operations/{Operation.objects.get().pk}"]
    for url in urls:
        first = operator.get(url)
        again = operator.get(url, headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
        assert operator.get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    tags = [operator.get(url)["ETag"] for url in urls]
    Workspace.objects.update(display_name="New")
    Database.objects.update(status="failed")
    Operation.objects.update(step="await_create")
    assert all(operator.get(url)["ETag"] != tag for url, tag in zip(urls, tags, strict=True))


@pytest.mark.parametrize("url", [WORKSPACE, SERVICE])
def test_a_put_or_delete_holds_only_for_what_was_seen(operator: APIClient, url: str):
    seen = operator.get(url)["ETag"]
    stale = {"If-Match": '"0123"'}
    for answer in (
        operator.put(url, MADE[url], format="json", headers=stale),
        operator.delete(url, headers=stale),
        operator.put(url, MADE[url], format="json", headers={"If-None-Match": "*"}),
    ):
        assert (answer.status_code, answer["x-ms-error-code"]) == (412, "PreconditionFailed")
    assert Operation.objects.count() == 1
    for match in (seen, f'"0123", {seen}', "*"):
        answer = operator.put(url, MADE[url], format="json", headers={"If-Match": match})
        assert answer.status_code in (200, 202)
        assert answer["ETag"] == seen


@pytest.mark.parametrize("url", [f"{WORKSPACE}-2", f"{SERVICE}-2"])
def test_a_put_may_ask_to_make_only_or_to_change_only(operator: APIClient, url: str):
    body = MADE[url.removesuffix("-2")]
    assert operator.put(url, body, format="json", headers={"If-Match": "*"}).status_code == 412
    assert operator.delete(url, headers={"If-Match": "*"}).status_code == 412
    first = operator.put(url, body, format="json", headers={"If-None-Match": "*"})
    again = operator.put(url, body, format="json", headers={"If-None-Match": "*"})
    assert (first.status_code in (201, 202), again.status_code) == (True, 412)


def test_a_deletion_of_what_was_seen_is_accepted(operator: APIClient):
    answer = operator.delete(SERVICE, headers={"If-Match": operator.get(SERVICE)["ETag"]})
    assert (answer.status_code, answer.json()["kind"]) == (202, "delete_database")

"""The fleet and the audit log, as operators, auditors and owners may see them."""

from __future__ import annotations

import jsonschema
import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.states import Status
from operations import audit
from tests.acceptance.callers import Directory
from tests.acceptance.test_openapi import closed
from tests.builders import a_database, a_pool, a_region, a_server, a_service, a_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def auditor(directory: Directory) -> APIClient:
    return directory.caller("auditor", Role.AUDITOR)


def names(client: APIClient, address: str) -> list[str]:
    """All pages, checked against the document."""
    document = client.get("/api/v1/openapi.json").json()
    path = document["paths"][address.partition("?")[0]]["get"]["responses"]["200"]
    schema = {**path["content"]["application/json"]["schema"], "components": closed(document["components"])}
    found: list[str] = []
    link = address
    while link:
        page = client.get(link).json()
        jsonschema.Draft202012Validator(schema).validate(page)
        found += [row.get("name") or row["id"] for row in page["value"]]
        link = page.get("nextLink", "")
    return found


def test_the_fleet_is_listed_by_name_and_filtered(auditor: APIClient):
    west = a_server(a_region("westus"), status=Status.FAILED)
    pools = [a_pool(west), a_pool(), a_pool()]
    database = a_database(a_service(a_workspace("cigna")), pool=pools[0], server=west, status=Status.READY)
    waiting = a_database(a_service(a_workspace("other"), "scans"))
    assert len(names(auditor, "/api/v1/subscriptions")) == 1
    assert len(names(auditor, "/api/v1/servers?maxpagesize=1")) == 3
    assert names(auditor, "/api/v1/servers?region=westus&status=failed") == [west.azure_name]
    assert names(auditor, f"/api/v1/servers?subscription={'0' * 8}-0000-0000-0000-{'0' * 12}") == []
    assert names(auditor, "/api/v1/pools?maxpagesize=1") == sorted(pool.azure_name for pool in pools)
    assert names(auditor, f"/api/v1/pools?server={west.azure_name}") == [pools[0].azure_name]
    assert names(auditor, "/api/v1/databases") == sorted([database.azure_name, waiting.azure_name])
    assert names(auditor, "/api/v1/databases?workspace=cigna&status=ready") == [database.azure_name]


def test_audit_events_are_filtered_and_paged_from_new_to_old(auditor: APIClient):
    for number in range(5):
        audit.record("test.happened", actor="somebody", target=f"thing:{number}", workspace="")
    rows = auditor.get("/api/v1/audit-events?action=test.happened").json()["value"]
    assert [row["target"] for row in rows] == [f"thing:{number}" for number in reversed(range(5))]
    ids = [row["id"] for row in rows]
    assert names(auditor, "/api/v1/audit-events?action=test.happened&maxpagesize=2&since=2020-01-01T00:00:00Z") == ids
    assert names(auditor, "/api/v1/audit-events?target=thing:3&actor=somebody") == [ids[1]]
    assert names(auditor, "/api/v1/audit-events?before=2020-01-01T00:00:00Z") == []
    answer = auditor.get("/api/v1/audit-events?since=yesterday")
    assert (answer.status_code, answer["x-ms-error-code"]) == (400, "InvalidQueryParameter")


def test_owners_see_the_events_of_their_own_workspace_without_inner_values(directory: Directory):
    owner = directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))
    a_workspace("other")
    for workspace in ("cigna", "other", ""):
        audit.record("test.happened", actor="somebody", workspace=workspace, after={"pool": "p-1"})
    rows = owner.get("/api/v1/audit-events?action=test.happened").json()["value"]
    assert [row["workspace"] for row in rows] == ["cigna"]
    assert "p-1" not in str(rows)
    assert owner.get("/api/v1/audit-events?workspace=other").status_code == 404

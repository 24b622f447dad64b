"""While a service's database is on a way of several hops, also between two of them, every other wish meets it."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database
from inventory.states import Status
from operations.models import Operation
from operations.services import submit
from provisioning.standing import service_key
from tests.acceptance.callers import Directory
from tests.builders import GIB, a_database, a_pool, a_region, a_server, a_service, a_workspace

pytestmark = pytest.mark.django_db

URL = "/api/v1/workspaces/cigna/services/claims"
GOAL = {"tier": "Hyperscale", "home": "alone", "zone_redundant": False, "backup": "Geo"}


@pytest.fixture
def owner(directory: Directory) -> APIClient:
    return directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna", a_region("eastus")))


@pytest.fixture
def database(db: None) -> Database:
    workspace = a_workspace("cigna", a_region("eastus"))
    server = a_server(workspace.region, databases_committed=1, vcores_committed=8)
    pool = a_pool(server, databases_committed=1, bytes_committed=500 * GIB, vcores_demanded=1.5)
    place = {"server": server, "pool": pool, "holds_room": True, "status": Status.READY}
    return a_database(a_service(workspace, "claims"), size_bytes=500 * GIB, vcores_demanded=1.5, **place)


@pytest.fixture
def way(database: Database) -> Operation:
    """One that has no hop at work."""
    wish = {"service": "claims", "hops": [{"kind": "convert_to_hyperscale", "before": {}, "after": GOAL}]}
    return submit("change_database", target=service_key(database.service), actor="a", workspace="cigna", wish=wish)


def asking_for(size: int) -> dict[str, Any]:
    return {"properties": {"kind": "fhir", "sizeGb": size}, "acceptDisruption": True}


def test_another_size_is_refused_with_its_address(owner: APIClient, way: Operation):
    answer = owner.put(URL, asking_for(510), format="json")
    assert (answer.status_code, answer["x-ms-error-code"]) == (409, "OperationInProgress")
    assert answer["Operation-Location"].endswith(str(way.pk))


def test_the_same_wish_is_answered_with_the_way(owner: APIClient, way: Operation):
    answer = owner.put(URL, asking_for(500), format="json")
    assert answer.status_code == 202, answer.content
    assert answer["Operation-Location"].endswith(str(way.pk))


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("convert", {"cutover": "automatic", "acceptDisruption": True}),
        ("restore", {"pointInTime": "2026-11-22T00:00:00Z", "acceptDisruption": True}),
    ],
)
def test_other_changes_are_refused_meanwhile(owner: APIClient, way: Operation, verb: str, body: dict[str, Any]):
    answer = owner.post(f"{URL}:{verb}", body, format="json")
    assert (answer.status_code, answer["x-ms-error-code"]) == (409, "OperationInProgress"), answer.content
    assert Operation.objects.count() == 1


def test_an_operators_move_is_refused_meanwhile(directory: Directory, way: Operation, database: Database):
    operator = directory.caller("operator", Role.OPERATOR)
    body = {"reason": "Because.", "acceptDisruption": True}
    answer = operator.post(f"/api/v1/databases/{database.azure_name}:move", body, format="json")
    assert answer.status_code == 409, answer.content
    assert Operation.objects.count() == 1


def test_a_change_after_its_removal_was_asked_for_is_refused(owner: APIClient, way: Operation):
    assert owner.delete(URL).status_code == 202
    answer = owner.post(f"{URL}:change", {"tier": "Hyperscale", "acceptDisruption": True}, format="json")
    assert answer.status_code == 409, answer.content

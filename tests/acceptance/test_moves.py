"""A move to another server over REST: the plan, the consent, the refusals, and the database by its name meanwhile."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database, ElasticPool, SqlServer
from inventory.states import Status
from operations.models import Operation, OutboxEvent
from tests.acceptance.callers import Directory
from tests.acceptance.tables import contents
from tests.builders import GIB, a_database, a_pool, a_region, a_server, a_service, a_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(directory: Directory) -> APIClient:
    client = directory.caller("operator", Role.OPERATOR)
    client.get("/api/v1/workspaces")
    return client


@pytest.fixture
def other(db: None) -> SqlServer:
    """A server beside the first, with a pool."""
    server = a_server(a_region("eastus"), vcores_committed=8)
    a_pool(server, max_size_bytes=1024 * GIB)
    return server


@pytest.fixture
def database(other: SqlServer) -> Database:
    """500 GB on the first server."""
    workspace = a_workspace("cigna", a_region("eastus"))
    server = a_server(workspace.region, vcores_committed=8, databases_committed=1)
    pool = a_pool(
        server, max_size_bytes=1024 * GIB, databases_committed=1, bytes_committed=500 * GIB, vcores_demanded=1
    )
    place = {"server": server, "pool": pool, "holds_room": True, "status": Status.READY}
    return a_database(a_service(workspace, "claims"), size_bytes=500 * GIB, vcores_demanded=1, **place)


def move(database: Database, *, dry: bool = False) -> str:
    return f"/api/v1/databases/{database.azure_name}:move{'?dryRun=true' if dry else ''}"


def test_the_plan_says_what_consumers_do(operator: APIClient, database: Database, other: SqlServer):
    before = contents()
    body = {"reason": "Retired.", "server": other.azure_name}
    plan = operator.post(move(database, dry=True), body, format="json").json()["properties"]
    assert contents() == before
    assert (plan["action"], plan["change"]["way"]) == ("change", "move_across")
    assert plan["change"]["disruption"]["connectionsDrop"] == 2
    assert plan["expectedSeconds"] == 300 + 7.2 * 500
    assert "endpoint changes" in plan["change"]["notices"][0]


def test_it_begins_when_the_plan_was_seen(operator: APIClient, database: Database, other: SqlServer):
    body = {"reason": "Retired.", "server": other.azure_name}
    refused = operator.post(move(database), body, format="json")
    assert (refused.status_code, refused["x-ms-error-code"]) == (409, "DisruptionNotAccepted")
    seen = refused.json()["error"]["plan"]["properties"]["planHash"]
    assert operator.post(move(database), {**body, "planHash": seen}, format="json").status_code == 202
    operation = Operation.objects.get()
    assert (operation.kind, operation.input["to"]) == ("rehome_database", str(other.pk))


def test_a_pool_names_its_server_too(operator: APIClient, database: Database, other: SqlServer):
    pool = ElasticPool.objects.get(server=other)
    body = {"reason": "Retired.", "pool": pool.azure_name, "acceptDisruption": True}
    assert operator.post(move(database), body, format="json").status_code == 202
    wish = Operation.objects.get().input
    assert (wish["to"], wish["pool"]) == (str(other.pk), str(pool.pk))


@pytest.mark.parametrize(
    ("named", "code"),
    [
        ({"server": "nowhere"}, "UnknownServer"),
        ({"pool": "nowhere"}, "UnknownPool"),
        ({"server": "No Server"}, "InvalidRequestBody"),
        ({"server": 5}, "InvalidRequestBody"),
        ({"pool": None}, "InvalidRequestBody"),
        ({"region": "eastus"}, "UnknownField"),
    ],
)
def test_a_place_that_is_none_is_refused(operator: APIClient, database: Database, named: dict[str, object], code: str):
    before = contents()
    body = {"reason": "Retired.", "acceptDisruption": True, **named}
    refused = operator.post(move(database), body, format="json")
    assert (refused.status_code, refused["x-ms-error-code"]) == (400, code)
    assert contents() == before


def test_a_place_that_it_cannot_go_to_is_refused_with_the_reason(operator: APIClient, database: Database):
    assert database.server is not None
    body = {"reason": "Retired.", "server": database.server.azure_name, "acceptDisruption": True}
    refused = operator.post(move(database), body, format="json")
    assert (refused.status_code, refused["x-ms-error-code"]) == (409, "MoveNotPossible")
    assert "stands on" in refused.json()["error"]["message"]


def test_both_places_are_listed_on_whatever_pages_they_fall(operator: APIClient, database: Database, other: SqlServer):
    body = {"reason": "Retired.", "server": other.azure_name, "acceptDisruption": True}
    assert operator.post(move(database), body, format="json").status_code == 202
    listed, link = [], "/api/v1/databases?maxpagesize=1"
    while link:
        page = operator.get(link).json()
        listed += [one["name"] for one in page["value"]]
        link = page.get("nextLink", "")
    assert listed == [database.azure_name] * 2


def test_while_it_moves_its_name_means_the_database_itself(operator: APIClient, database: Database, other: SqlServer):
    body = {"reason": "Retired.", "server": other.azure_name, "acceptDisruption": True}
    operator.post(move(database), body, format="json")
    refused = operator.post(move(database), body, format="json")
    assert (refused.status_code, refused["x-ms-error-code"]) == (409, "OperationInProgress")


def test_an_owner_hears_that_an_operators_move_was_refused(operator: APIClient, database: Database, other: SqlServer):
    SqlServer.objects.filter(pk=other.pk).update(is_cordoned=True)
    body = {"reason": "Retired.", "server": other.azure_name}
    operator.post(move(database, dry=True), body, format="json")
    assert not OutboxEvent.objects.filter(kind="change.refused").exists()
    assert operator.post(move(database), body, format="json").status_code == 409
    event = OutboxEvent.objects.get(kind="change.refused")
    assert (event.workspace, event.data["code"]) == ("cigna", "MoveNotPossible")

"""A change of several hops over REST: the plan, the consent, the operation and its hops, the refusals."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database
from inventory.states import Status
from operations.models import Operation
from tests.acceptance.callers import Directory
from tests.acceptance.tables import contents
from tests.builders import GIB, a_database, a_pool, a_region, a_server, a_service, a_workspace

pytestmark = pytest.mark.django_db
CHANGE = "/api/v1/workspaces/cigna/services/claims:change"
WISH = {"zoneRedundant": True, "backupRedundancy": "Zone"}


@pytest.fixture
def owner(directory: Directory) -> APIClient:
    client = directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna", a_region("eastus")))
    client.get("/api/v1/workspaces")
    return client


@pytest.fixture
def database(db: None) -> Database:
    """100 GB in a pool without zones."""
    workspace = a_workspace("cigna", a_region("eastus"))
    server = a_server(workspace.region, vcores_committed=8, databases_committed=1)
    pool = a_pool(server, databases_committed=1, bytes_committed=100 * GIB, vcores_demanded=1)
    place = {"server": server, "pool": pool, "holds_room": True, "status": Status.READY}
    return a_database(a_service(workspace, "claims"), size_bytes=100 * GIB, vcores_demanded=1, **place)


def test_the_plan_tells_all_hops_and_changes_nothing(owner: APIClient, database: Database):
    before = contents()
    plan = owner.post(f"{CHANGE}?dryRun=true", WISH, format="json").json()["properties"]
    assert contents() == before
    assert (plan["action"], plan["change"]["way"]) == ("change", "hops")
    assert sorted(plan["change"]["steps"]) == ["change_backup_redundancy", "move"]
    assert plan["change"]["disruption"]["connectionsDrop"] == 1
    assert sorted(plan["change"]["wayBack"]["steps"]) == ["change_backup_redundancy", "move"]
    kinds = {one["kind"] for one in plan["operations"]}
    assert kinds == {"change_database", "create_pool", "change_backup_storage", "move_database"}
    assert plan["expectedSeconds"] > 48 * 3600


def test_it_is_granted_by_the_plans_hash_and_given_again(owner: APIClient, database: Database):
    told = owner.post(f"{CHANGE}?dryRun=true", WISH, format="json").json()["properties"]
    refused = owner.post(CHANGE, WISH, format="json")
    assert (refused.status_code, refused["x-ms-error-code"]) == (409, "DisruptionNotAccepted")
    body = {**WISH, "planHash": told["planHash"]}
    answer = owner.post(CHANGE, body, format="json")
    assert answer.status_code == 202, answer.content
    assert answer.json()["kind"] == "change_database"
    assert answer.json()["properties"]["target"] == "/api/v1/workspaces/cigna/services/claims"
    operation = Operation.objects.get(kind="change_database")
    assert (operation.plan_hash, len(operation.input["hops"])) == (told["planHash"], 2)
    assert owner.post(CHANGE, body, format="json").json()["id"] == str(operation.pk)


def test_what_it_is_already_needs_no_operation(owner: APIClient, database: Database):
    answer = owner.post(CHANGE, {"tier": "GeneralPurpose", "zoneRedundant": False}, format="json")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not Operation.objects.exists()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"home": "single"}, "ChangeNotSupported"),
        ({"tier": "Hyperscale", "home": "pool", "zoneRedundant": True}, "ZonalBackupsNeeded"),
        ({"tier": "Hyperscale", "home": "pool"}, "NoRoomOnServer"),
    ],
)
def test_refusals_name_their_reason(owner: APIClient, database: Database, body: dict[str, object], code: str):
    plan = owner.post(f"{CHANGE}?dryRun=true", body, format="json").json()["properties"]
    assert [refusal["code"] for refusal in plan["refusals"]] == [code]
    answer = owner.post(CHANGE, {**body, "acceptDisruption": True}, format="json")
    assert (answer.status_code, answer["x-ms-error-code"]) == (409, code)
    assert not Operation.objects.exists()


def test_another_change_of_the_database_comes_first(owner: APIClient, database: Database):
    owner.post(f"{CHANGE[:-7]}:convert", {}, format="json")
    answer = owner.post(CHANGE, {**WISH, "acceptDisruption": True}, format="json")
    assert (answer.status_code, answer["x-ms-error-code"]) == (409, "OperationInProgress")

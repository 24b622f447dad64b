"""A wish for what is so already is met, whatever the platform does to the database meanwhile; growth keeps the quota."""

from __future__ import annotations

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database
from inventory.states import Status
from operations.models import Operation
from operations.services import submit
from provisioning.models import GrowthProposal
from tests.acceptance.callers import Directory
from tests.builders import GIB, a_database, a_pool, a_proposal, a_region, a_server, a_service, a_workspace

pytestmark = pytest.mark.django_db

URL = "/api/v1/workspaces/cigna/services/claims"
AT_WORK = ["move_database", "change_backup_storage", "rehome_database", "repair_database"]


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


def asking_for(size: int, **consent: object) -> dict[str, object]:
    return {"properties": {"kind": "fhir", "sizeGb": size}, **consent}


@pytest.mark.parametrize("kind", AT_WORK)
def test_the_same_wish_is_answered_with_what_the_platform_does(owner: APIClient, database: Database, kind: str):
    running = submit(kind, target=database.key, actor="system:x", workspace="cigna", wish={})
    answer = owner.put(URL, asking_for(500), format="json")
    assert answer.status_code == 202, answer.content
    assert answer["Operation-Location"].endswith(str(running.pk))


@pytest.mark.parametrize("kind", AT_WORK)
def test_another_wish_is_refused_meanwhile(owner: APIClient, database: Database, kind: str):
    submit(kind, target=database.key, actor="system:x", workspace="cigna", wish={})
    answer = owner.put(URL, asking_for(600, acceptDisruption=True), format="json")
    assert (answer.status_code, answer["x-ms-error-code"]) == (409, "OperationInProgress")


@override_settings(WORKSPACE_OPEN_OPERATIONS=1)
def test_accepted_growth_keeps_the_quota_like_a_wish(owner: APIClient, database: Database):
    submit("create_database", target="database:x", actor="a", workspace="cigna", wish={})
    row = a_proposal(database)
    answer = owner.post(_accept(row), {"acceptDisruption": True}, format="json")
    assert answer.status_code == 429, answer.content
    assert GrowthProposal.objects.get(pk=row.pk).state == "open"


@pytest.mark.parametrize("query", ["", "?dryRun=true"])
@pytest.mark.parametrize("size_gb", [10**5, 10**7])
def test_growth_beyond_all_sizes_is_refused_with_a_reason(
    owner: APIClient, database: Database, size_gb: int, query: str
):
    row = a_proposal(database, proposed_bytes=size_gb * GIB)
    answer = owner.post(_accept(row) + query, {"acceptDisruption": True}, format="json")
    assert answer.status_code < 500, answer.content


@pytest.mark.parametrize("step", ["disable_secrets", "start_delete", "await_delete"])
def test_what_a_certificate_says_cannot_be_skipped(directory: Directory, database: Database, step: str):
    row = submit("delete_database", target=database.key, actor="a", workspace="cigna")
    Operation.objects.filter(pk=row.pk).update(state="needs_attention", step=step)
    operator = directory.caller("operator", Role.OPERATOR)
    answer = operator.post(f"/api/v1/operations/{row.pk}:skip", {"reason": "The vault is away."}, format="json")
    assert answer.status_code == 409, answer.content


def _accept(row: GrowthProposal) -> str:
    return f"/api/v1/workspaces/cigna/growth-proposals/{row.pk}:accept"

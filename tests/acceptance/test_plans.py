"""`dryRun=true`: the plan of what would happen, by the code that does it, and nothing changed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database, ElasticPool, Region, SqlServer, Subscription
from operations.models import AuditEvent, IdempotencyKey, Operation
from operations.services import submit
from tests.acceptance.callers import Directory
from tests.acceptance.tables import contents
from tests.builders import a_pool, a_region, a_workspace
from tests.local_azure import LocalAzure, work

URL = "/api/v1/workspaces/cigna/services/claims"
PLAN = f"{URL}?dryRun=true"


def asking_for(kind: str = "fhir", size: int = 10) -> dict[str, object]:
    return {"properties": {"kind": kind, "sizeGb": size}}


@pytest.fixture
def operator(azure: LocalAzure, directory: Directory) -> APIClient:
    a_workspace("cigna", a_region("eastus"))
    client = directory.caller("operator", Role.OPERATOR)
    client.get(URL)
    return client


def planned(client: APIClient, azure: LocalAzure, method: str = "put", **options: object) -> dict[str, object]:
    """The plan; asking for it has changed nothing, here or in Azure, but the audit log."""
    before, effects, events = contents(), azure.effects(), AuditEvent.objects.count()
    answer = client.delete(PLAN) if method == "delete" else client.put(PLAN, asking_for(**options), format="json")
    assert answer.status_code == 200, answer.content
    assert contents() == before
    assert azure.effects() == effects
    assert AuditEvent.objects.count() == events + 1
    properties = answer.json()["properties"]
    event = AuditEvent.objects.latest("at")
    assert (event.action, event.after["plan"]) == ("service.planned", properties["planHash"])
    return properties


def test_the_first_service_of_a_region_needs_a_server_and_a_pool(operator: APIClient, azure: LocalAzure):
    plan = planned(operator, azure)
    assert plan["action"] == "create"
    assert [one["kind"] for one in plan["operations"]] == ["create_server", "create_pool", "create_database"]
    assert plan["operations"][2]["steps"][-1] == "publish_secret"
    assert (plan["placement"]["where"], plan["placement"]["isNew"]) == ("pool", True)
    assert plan["expectedSeconds"] == 90 + 180 + 120
    assert planned(operator, azure)["planHash"] == plan["planHash"]
    operator.put(URL, asking_for(), format="json")
    work()
    assert list(Operation.objects.order_by("-kind").values_list("kind", flat=True)) == [
        "create_server",
        "create_pool",
        "create_database",
    ]


def test_a_pool_with_room_is_planned_and_then_taken(operator: APIClient, azure: LocalAzure):
    pools = [a_pool(vcores=8), a_pool(vcores=4)]
    plan = planned(operator, azure)
    assert [one["kind"] for one in plan["operations"]] == ["create_database"]
    assert not plan["placement"]["isNew"]
    chosen = plan["placement"]["decision"]["pool_id"]
    assert chosen in [str(pool.pk) for pool in pools]
    operator.put(URL, asking_for(), format="json")
    work()
    assert str(Database.objects.get().pool_id) == chosen


def test_owners_are_not_told_which_pools_there_are(azure: LocalAzure, directory: Directory):
    pool = a_pool()
    owner = directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))
    owner.get(URL)
    plan = planned(owner, azure)
    assert set(plan["placement"]) == {"where", "isNew", "reason"}
    assert str(pool.pk) not in str(plan)


@pytest.mark.parametrize(
    ("options", "code"),
    [({"kind": "iot"}, "UnsupportedServiceKind"), ({"size": 10**7}, "SizeNotSupported")],
)
def test_refusals_are_part_of_the_plan(operator: APIClient, azure: LocalAzure, options: dict[str, object], code: str):
    plan = planned(operator, azure, **options)
    assert (plan["action"], [one["code"] for one in plan["refusals"]]) == ("refuse", [code])


def test_quotas_and_closed_regions_refuse_in_the_plan(operator: APIClient, azure: LocalAzure):
    with override_settings(WORKSPACE_OPEN_OPERATIONS=1):
        other = submit("create_pool", target=a_pool().key, actor="test", workspace="cigna")
        assert planned(operator, azure)["refusals"][0]["code"] == "TooManyOperations"
        Operation.objects.filter(pk=other.pk).update(state="failed")
    ElasticPool.objects.update(is_cordoned=True)
    SqlServer.objects.update(is_cordoned=True)
    Subscription.objects.update(servers_per_region=0)
    assert planned(operator, azure)["refusals"][0]["code"] == "QuotaExhausted"
    Region.objects.update(is_open=False)
    assert planned(operator, azure)["refusals"][0]["code"] == "RegionClosed"


def test_what_stands_or_is_on_its_way_is_planned_as_such(operator: APIClient, azure: LocalAzure):
    a_pool()
    operator.put(URL, asking_for(), format="json")
    assert planned(operator, azure)["action"] == "wait"
    assert planned(operator, azure, size=11)["refusals"][0]["code"] == "OperationInProgress"
    deletion = planned(operator, azure, "delete")
    assert (deletion["action"], deletion["operations"][0]["kind"]) == ("delete", "delete_database")
    Operation.objects.update(state="succeeded")
    Database.objects.update(status="ready")
    assert planned(operator, azure)["action"] == "none"
    operator.delete(URL)
    assert planned(operator, azure, "delete")["action"] == "wait"


def test_what_has_run_here_tells_how_long_it_takes(operator: APIClient, azure: LocalAzure):
    a_pool()
    for seconds in (10, 20, 30, 40, 1000):
        row = submit("delete_database", target=f"database:{seconds}", actor="test")
        Operation.objects.filter(pk=row.pk).update(
            state="succeeded", started_at=row.created_at, finished_at=row.created_at + timedelta(seconds=seconds)
        )
    operator.put(URL, asking_for(), format="json")
    assert planned(operator, azure, "delete")["expectedSeconds"] == 30


def test_a_plan_keeps_no_key(operator: APIClient, azure: LocalAzure):
    answer = operator.put(PLAN, asking_for(), format="json", headers={"Idempotency-Key": "k"})
    assert (answer.status_code, IdempotencyKey.objects.count()) == (200, 0)
    assert operator.delete(PLAN).status_code == 204
    answer = operator.put(f"{URL}?dryRun=yes", asking_for(), format="json")
    assert (answer.status_code, answer["x-ms-error-code"]) == (400, "InvalidQueryParameter")

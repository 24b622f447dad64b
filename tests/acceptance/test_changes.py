"""Changes of what stands, over REST: the plan first, consent where it disturbs, refusals with their reason."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils.dateparse import parse_datetime
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database, ElasticPool
from inventory.states import Status
from operations.models import AuditEvent, Operation
from tests.acceptance.callers import Directory
from tests.acceptance.tables import contents
from tests.builders import GIB, a_database, a_pool, a_region, a_server, a_service, a_workspace
from tests.prices import prices_of

pytestmark = pytest.mark.django_db
URL = "/api/v1/workspaces/cigna/services/claims"


@pytest.fixture
def operator(directory: Directory) -> APIClient:
    client = directory.caller("operator", Role.OPERATOR)
    client.get("/api/v1/workspaces")
    return client


@pytest.fixture
def database(db: None) -> Database:
    """500 GB in a pool that it shares, with another pool beside it."""
    workspace = a_workspace("cigna", a_region("eastus"))
    server = a_server(workspace.region, vcores_committed=40, databases_committed=2)
    a_pool(server, max_size_bytes=4096 * GIB, vcores=32)
    pool = a_pool(
        server, max_size_bytes=1024 * GIB, databases_committed=2, bytes_committed=600 * GIB, vcores_demanded=2
    )
    place = {"server": server, "pool": pool, "holds_room": True, "status": Status.READY}
    a_database(a_service(workspace, "imaging", "dicom"), size_bytes=100 * GIB, vcores_demanded=0.5, **place)
    return a_database(a_service(workspace, "claims"), size_bytes=500 * GIB, vcores_demanded=1.5, **place)


def asking_for(size: int, **consent: object) -> dict[str, object]:
    return {"properties": {"kind": "fhir", "sizeGb": size}, **consent}


def test_the_plan_tells_what_the_owner_will_notice(operator: APIClient, database: Database, settings, tmp_path: Path):
    settings.PRICES_FILE = prices_of("westus3", folder=tmp_path)
    before = contents()
    plan = operator.put(f"{URL}?dryRun=true", asking_for(2000), format="json").json()["properties"]
    assert contents() == before
    assert (plan["action"], plan["change"]["way"]) == ("change", "move")
    assert plan["change"]["disruption"]["connectionsDrop"] == 1
    assert plan["change"]["disruption"]["secondsEach"] == 30
    assert plan["change"]["wayBack"]["steps"] == ["move"]
    assert "No prices of eastus" in plan["change"]["cost"]["note"]
    assert plan["change"]["cost"]["monthlyAfter"] is None


def test_a_change_that_disturbs_is_answered_with_its_plan_until_somebody_agrees(
    operator: APIClient, database: Database
):
    before = contents()
    refused = operator.put(URL, asking_for(2000), format="json")
    assert (refused.status_code, refused["x-ms-error-code"]) == (409, "DisruptionNotAccepted")
    assert contents() == before
    plan = refused.json()["error"]["plan"]["properties"]
    accepted = operator.put(URL, asking_for(2000, planHash=plan["planHash"]), format="json")
    assert accepted.status_code == 202
    operation = Operation.objects.get()
    assert (operation.kind, operation.plan_hash) == ("grow_database", plan["planHash"])
    Operation.objects.update(state="running", started_at=operation.created_at)
    shown = operator.get(accepted["Operation-Location"]).json()
    assert parse_datetime(shown["expectedEndAt"]) == operation.created_at + timedelta(seconds=plan["expectedSeconds"])
    assert AuditEvent.objects.filter(action="database.growth_requested", operation_id=operation.pk).exists()


def test_a_stale_plan_is_answered_with_the_new_one(operator: APIClient, database: Database):
    refused = operator.put(URL, asking_for(2000, planHash="0" * 64), format="json")
    assert (refused.status_code, refused["x-ms-error-code"]) == (409, "PlanChanged")
    new = refused.json()["error"]["plan"]["properties"]["planHash"]
    assert operator.put(URL, asking_for(2000, planHash=new), format="json").status_code == 202


def test_a_change_that_nobody_notices_needs_no_consent(operator: APIClient, database: Database):
    assert operator.put(URL, asking_for(600), format="json").status_code == 202
    assert operator.put(URL, asking_for(600), format="json").status_code == 202
    assert Operation.objects.count() == 1


def test_a_smaller_size_is_refused_with_its_reason(operator: APIClient, database: Database):
    plan = operator.put(f"{URL}?dryRun=true", asking_for(100), format="json").json()["properties"]
    assert (plan["action"], plan["refusals"][0]["code"]) == ("refuse", "ChangeNotSupported")
    refused = operator.put(URL, asking_for(100), format="json")
    assert (refused.status_code, refused["x-ms-error-code"]) == (409, "ChangeNotSupported")


@pytest.mark.parametrize("value", ["true", 1, None, []])
def test_consent_is_true_or_false(operator: APIClient, database: Database, value: object):
    refused = operator.put(URL, asking_for(2000, acceptDisruption=value), format="json")
    assert (refused.status_code, refused["x-ms-error-code"]) == (400, "InvalidRequestBody")


def test_a_pool_is_drained_only_where_all_find_room(operator: APIClient, database: Database):
    address = f"/api/v1/pools/{database.pool.azure_name}:drain"
    plan = operator.post(f"{address}?dryRun=true", {"reason": "Retired."}, format="json").json()["properties"]
    assert (plan["change"]["way"], plan["change"]["steps"]) == ("drain", ["move", "move"])
    assert plan["change"]["disruption"]["databases"] == 2
    ElasticPool.objects.exclude(pk=database.pool_id).update(is_cordoned=True)
    type(database.server).objects.update(vcores_committed=540)
    refused = operator.post(address, {"reason": "Retired.", "acceptDisruption": True}, format="json")
    assert (refused.status_code, refused["x-ms-error-code"]) == (409, "NoRoomOnServer")
    assert database.azure_name in refused.json()["error"]["message"]
    assert not ElasticPool.objects.get(pk=database.pool_id).is_cordoned


def test_a_pool_is_resized_to_what_azure_offers_and_its_databases_fit(operator: APIClient, database: Database):
    address = f"/api/v1/pools/{database.pool.azure_name}:resize"
    for wrong, code in ((7, "PoolSizeNotOffered"), (2, "PoolSizeNotOffered")):
        answer = operator.post(address, {"vcores": wrong}, format="json")
        assert (answer.status_code, answer["x-ms-error-code"]) == (409, code)
    refused = operator.post(address, {"vcores": 16}, format="json")
    plan = refused.json()["error"]["plan"]["properties"]
    assert (refused["x-ms-error-code"], plan["change"]["disruption"]["databases"]) == ("DisruptionNotAccepted", 2)
    assert operator.post(address, {"vcores": 16, "planHash": plan["planHash"]}, format="json").status_code == 202


def test_only_an_empty_pool_is_deleted(operator: APIClient, database: Database):
    full = operator.delete(f"/api/v1/pools/{database.pool.azure_name}")
    assert (full.status_code, full["x-ms-error-code"]) == (409, "PoolNotEmpty")
    empty = ElasticPool.objects.exclude(pk=database.pool_id).get()
    assert operator.delete(f"/api/v1/pools/{empty.azure_name}").status_code == 202
    assert operator.delete("/api/v1/pools/p-none").status_code == 404


def test_places_are_closed_and_opened(operator: APIClient, database: Database):
    for kind, name in (("pools", database.pool.azure_name), ("servers", database.server.azure_name)):
        for verb, closed in (("cordon", True), ("cordon", True), ("uncordon", False)):
            answer = operator.post(f"/api/v1/{kind}/{name}:{verb}", {"reason": "Because."}, format="json")
            assert (answer.status_code, answer.json()["isCordoned"]) == (200, closed)

"""A service gets another size: in its pool, in another one, or with more compute; told before it disturbs."""

from __future__ import annotations

import pytest

from inventory.models import Database, ElasticPool, SqlServer, Workspace
from operations.models import Operation
from operations.services import cancel
from provisioning.changes.consent import ACCEPTED, Consent, DisruptionNotAccepted, PlanChanged
from provisioning.plans import plan_service
from provisioning.services import ServiceWish, request_service
from tests.builders import GIB, TIB
from tests.crash.judging import counters
from tests.local_azure import LocalAzure, run_until_settled, work

pytestmark = pytest.mark.usefixtures("workspace")


def wish(size: int, name: str = "claims") -> ServiceWish:
    return ServiceWish(name, "fhir", size)


def grown(size: int, consent: Consent = ACCEPTED) -> Operation:
    granted = request_service(Workspace.objects.get(), wish(size), actor="tests", consent=consent)
    assert granted.operation is not None
    return granted.operation


def a_standing(azure: LocalAzure, size: int, name: str = "claims") -> Database:
    request_service(Workspace.objects.get(), wish(size, name), actor="tests")
    run_until_settled(azure)
    return Database.objects.get(service__name=name)


def shown(azure: LocalAzure, database: Database) -> dict[str, object]:
    return next(r.body for r in azure.resources("databases") if r.name == database.azure_name)


def test_in_its_pool_nobody_is_disturbed_and_no_consent_is_needed(azure: LocalAzure):
    database = a_standing(azure, 100 * GIB)
    operation = grown(200 * GIB, Consent())
    run_until_settled(azure)
    operation.refresh_from_db()
    database.refresh_from_db()
    assert (operation.kind, operation.state, operation.choices["way"]) == ("grow_database", "succeeded", "in_place")
    assert (database.status, database.size_bytes) == ("ready", 200 * GIB)
    assert shown(azure, database)["properties"]["maxSizeBytes"] == 200 * GIB
    assert list(counters()) == []


def test_where_its_pool_is_full_it_moves_to_a_new_one(azure: LocalAzure):
    database = a_standing(azure, 500 * GIB)
    a_standing(azure, 500 * GIB, "imaging")
    before = database.pool_id
    with pytest.raises(DisruptionNotAccepted) as refused:
        grown(3 * TIB, Consent())
    plan = refused.value.plan
    assert plan.change is not None
    assert (plan.change.way, plan.change.disruption.drops, plan.change.disruption.databases) == ("move", 1, 1)
    assert [one.kind for one in plan.operations] == ["create_pool", "grow_database"]
    assert not Operation.objects.filter(kind="grow_database").exists()
    operation = grown(3 * TIB, Consent(plan_hash=plan.hash))
    run_until_settled(azure)
    operation.refresh_from_db()
    database = Database.objects.select_related("pool").get(pk=database.pk)
    assert (operation.state, operation.error_message) == ("succeeded", "")
    assert database.pool_id != before
    assert database.observed_pool_name == database.pool.azure_name
    assert shown(azure, database)["properties"]["maxSizeBytes"] == 3 * TIB
    assert list(counters()) == []


def test_a_plan_whose_world_has_moved_is_refused_with_the_new_one(azure: LocalAzure):
    database = a_standing(azure, 500 * GIB)
    a_standing(azure, 500 * GIB, "imaging")
    plan = plan_service(Workspace.objects.get(), wish(3 * TIB), actor="tests")
    Database.objects.filter(pk=database.pk).update(backup_redundancy="Zone")
    with pytest.raises(PlanChanged) as refused:
        grown(3 * TIB, Consent(plan_hash=plan.hash))
    assert refused.value.plan.hash != plan.hash


def test_the_pool_chosen_is_no_part_of_the_hash(azure: LocalAzure):
    a_standing(azure, 500 * GIB)
    a_standing(azure, 500 * GIB, "imaging")
    hashes = {plan_service(Workspace.objects.get(), wish(3 * TIB), actor="tests").hash for _ in range(2)}
    assert len(hashes) == 1


def test_a_hyperscale_database_is_scaled_when_its_size_needs_more_compute(azure: LocalAzure):
    database = a_standing(azure, 5 * TIB)
    operation = grown(15 * TIB)
    run_until_settled(azure)
    operation.refresh_from_db()
    database.refresh_from_db()
    assert (operation.state, operation.choices["way"], database.vcores) == ("succeeded", "scale", 16)
    assert shown(azure, database)["sku"]["capacity"] == 16
    assert SqlServer.objects.get().vcores_committed == 16
    assert list(counters()) == []


def test_a_cancel_in_time_leaves_all_as_it_was(azure: LocalAzure):
    database = a_standing(azure, 500 * GIB)
    a_standing(azure, 500 * GIB, "imaging")
    operation = grown(3 * TIB)
    work()
    cancel(operation, actor="tests")
    run_until_settled(azure)
    operation.refresh_from_db()
    former = (database.pool_id, database.size_bytes, "ready")
    database.refresh_from_db()
    assert operation.state == "cancelled"
    assert (database.pool_id, database.size_bytes, database.status) == former
    assert list(counters()) == []


def test_asking_again_while_it_grows_is_the_same_wish(azure: LocalAzure):
    a_standing(azure, 100 * GIB)
    assert grown(200 * GIB) == grown(200 * GIB)
    assert ElasticPool.objects.count() == 1


def test_while_its_pool_is_being_resized_nobody_is_moved_for_it(azure: LocalAzure):
    a_standing(azure, 100 * GIB)
    ElasticPool.objects.update(status="updating")
    plan = plan_service(Workspace.objects.get(), wish(200 * GIB), actor="tests")
    assert [reason.code for reason in plan.refusals] == ["PoolNotReady"]


def test_a_zone_redundant_database_moves_to_zones_only(azure: LocalAzure):
    database = a_standing(azure, 500 * GIB)
    a_standing(azure, 500 * GIB, "imaging")
    ElasticPool.objects.update(is_zone_redundant=True)
    a_standing(azure, 100 * GIB, "plain")
    operation = grown(3 * TIB)
    work()
    operation.refresh_from_db()
    assert ElasticPool.objects.get(pk=operation.choices["room"]["pool"]).is_zone_redundant
    assert database.pool_id != operation.choices["room"]["pool"]

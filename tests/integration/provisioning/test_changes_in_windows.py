"""A change that drops connections waits for its owner's window; one that nobody notices does not."""

from __future__ import annotations

from datetime import UTC, time, timedelta

import pytest

from inventory.models import Database, ElasticPool, Workspace
from operations import clock
from operations.models import Operation
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.pools import PoolWish, plan_resize, request_move, request_resize
from provisioning.maintenance import MaintenanceWish, WindowWish, define_maintenance
from provisioning.plans import plan_service
from provisioning.services import ServiceWish, request_service
from tests.builders import GIB
from tests.local_azure import LocalAzure, run_until_settled, work

HOUR = timedelta(hours=1)


@pytest.fixture
def database(azure: LocalAzure, workspace: Workspace) -> Database:
    """It stands in a pool; its owner may be disturbed for an hour, in two hours."""
    request_service(workspace, ServiceWish("claims", "fhir", 100 * GIB), actor="tests")
    run_until_settled(azure)
    at = (clock.now() + 2 * HOUR).astimezone(UTC)
    window = WindowWish(at.weekday(), time(at.hour, at.minute), 60, "UTC")
    define_maintenance(workspace, MaintenanceWish(frozenset({window})), actor="tests")
    return Database.objects.select_related("pool", "server", "service__workspace").get()


def waits(operation: Operation) -> bool:
    work()
    operation.refresh_from_db()
    return operation.waits_on.startswith("window:")


def test_a_move_waits_with_its_room_held(azure: LocalAzure, database: Database):
    operation = request_move(database, actor="tests", reason="tests", consent=ACCEPTED)
    for _ in range(40):  # the new pool is made meanwhile
        azure.pass_time(10)
        work()
    assert waits(operation)
    assert ElasticPool.objects.get(pk=operation.choices["room"]["pool"]).databases_committed == 1
    assert ElasticPool.objects.get(pk=database.pool_id).databases_committed == 1
    clock.advance(2 * HOUR, business=True)
    azure.pass_time(HOUR.total_seconds())
    run_until_settled(azure)
    operation.refresh_from_db()
    assert operation.state == "succeeded"


def test_a_resize_waits_for_all_who_stand_in_the_pool(azure: LocalAzure, database: Database):
    pool = ElasticPool.objects.select_related("server").get()
    plan = plan_resize(pool, PoolWish(16), actor="tests")
    assert plan.change is not None
    assert plan.change.disruption.when.startswith("from ")
    assert waits(request_resize(pool, PoolWish(16), actor="tests", consent=ACCEPTED))


def test_a_new_limit_waits_for_nothing(azure: LocalAzure, database: Database, workspace: Workspace):
    wish = ServiceWish("claims", "fhir", 200 * GIB)
    plan = plan_service(workspace, wish, actor="tests")
    assert plan.change is not None
    assert plan.change.disruption.when == ""
    operation = request_service(workspace, wish, actor="tests", consent=ACCEPTED).operation
    assert operation is not None
    run_until_settled(azure)
    operation.refresh_from_db()
    assert operation.state == "succeeded"

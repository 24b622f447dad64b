"""A service gets a database that stood ready: at once where it lacks nothing, else as soon as that is added."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from cloud import factory
from cloud.protocols import LoginSpec
from cloud.secrets import Secret
from inventory.models import Database, Workspace
from inventory.states import Status
from operations import clock
from operations.models import Operation
from provisioning.models import WarmDatabase
from provisioning.plans import plan_service
from provisioning.services import Granted, ServiceWish, request_deletion, request_service
from provisioning.targets import reference
from provisioning.warm.keeping import keep_stocks
from rotation.models import Credential
from tests.builders import GIB, TIB
from tests.local_azure import LocalAzure, run_until_settled
from tests.warming import KEPT, a_filled_stock, a_stock

State = WarmDatabase.State


def wished(workspace: Workspace, name: str = "claims", size: int = 100 * GIB, **wish: object) -> Granted:
    return request_service(workspace, ServiceWish(name, **{"kind": "fhir", "size_bytes": size, **wish}), actor="tests")


def its_database(granted: Granted) -> Database:
    return Database.objects.select_related("service").get(service=granted.service)


def sign_in(database: Database) -> None:
    """As its service does: by what the stable secret says."""
    found = factory.secret_store().get(database.azure_name)
    assert found is not None
    told = json.loads(found[0].reveal())
    factory.sql_logins().verify(LoginSpec(told["endpoint"], told["database"], told["user"], Secret(told["password"])))


def test_a_wish_that_the_stock_meets_is_granted_before_any_worker_has_run(azure: LocalAzure, workspace: Workspace):
    a_filled_stock(azure, workspace)
    granted = wished(workspace)
    database = its_database(granted)
    assert database.status == Status.READY
    sign_in(database)
    assert granted.operation is not None
    assert granted.operation.kind == "claim_database"


def test_azure_is_told_whose_it_is(azure: LocalAzure, workspace: Workspace):
    a_filled_stock(azure, workspace)
    granted = wished(workspace)
    run_until_settled(azure)
    database = its_database(granted)
    assert database.server is not None
    seen = factory.sql_management().get_database(reference(database.server), database.azure_name)
    assert seen is not None
    assert (seen.tags["service"], seen.tags["database"]) == (str(granted.service.pk), str(database.pk))
    assert set(Operation.objects.values_list("state", flat=True)) == {"succeeded"}


def test_another_size_is_fitted_before_it_is_ready(azure: LocalAzure, workspace: Workspace):
    a_filled_stock(azure, workspace)
    for name, size in (("larger", 200 * GIB), ("smaller", 50 * GIB)):
        keep_stocks()
        run_until_settled(azure)
        granted = wished(workspace, name, size)
        assert granted.operation is not None
        assert granted.operation.kind == "claim_database"
        assert its_database(granted).status == Status.CREATING
        run_until_settled(azure)
        database = its_database(granted)
        assert (database.status, database.size_bytes, database.observed_max_size_bytes) == (Status.READY, size, size)
        pool = database.pool
        assert pool is not None
        held = Database.objects.filter(pool=pool, holds_room=True)
        assert pool.bytes_committed == sum(row.size_bytes for row in held)
        assert pool.vcores_demanded == pytest.approx(sum(row.vcores_demanded for row in held))


def test_what_its_workspace_wants_otherwise_is_set_before_it_is_ready(azure: LocalAzure, workspace: Workspace):
    a_filled_stock(azure, workspace)
    Workspace.objects.update(retention_days=30)
    workspace.refresh_from_db()
    granted = wished(workspace)
    assert its_database(granted).status == Status.CREATING
    run_until_settled(azure)
    database = its_database(granted)
    assert (database.status, database.retention_days) == (Status.READY, 30)


def test_cast_is_issued_before_it_is_ready(azure: LocalAzure, workspace: Workspace):
    a_filled_stock(azure, workspace, kind="dicom")
    granted = wished(workspace, kind="dicom", cast=True)
    assert its_database(granted).status == Status.CREATING
    run_until_settled(azure)
    slots = Credential.objects.filter(database=its_database(granted), status="active").values_list("slot", flat=True)
    assert sorted(slots) == ["a", "cast-a"]
    assert its_database(granted).status == Status.READY


def test_an_old_proof_is_renewed_before_it_is_ready(azure: LocalAzure, workspace: Workspace):
    a_filled_stock(azure, workspace)
    clock.advance(timedelta(minutes=11), business=True)
    granted = wished(workspace)
    assert its_database(granted).status == Status.CREATING
    run_until_settled(azure)
    assert its_database(granted).status == Status.READY


@pytest.mark.parametrize(
    "wish",
    [{"kind": "dicom"}, {"size": 5 * TIB}, {"size": 3 * TIB}],
    ids=["another kind", "another tier", "too large to grow"],
)
def test_what_the_stock_cannot_give_is_created(azure: LocalAzure, workspace: Workspace, wish: dict[str, object]):
    a_filled_stock(azure, workspace)
    granted = wished(workspace, **wish)
    assert granted.operation is not None
    assert granted.operation.kind == "create_database"
    assert WarmDatabase.objects.get().state == KEPT


def test_an_empty_stock_means_the_longer_road(azure: LocalAzure, workspace: Workspace):
    a_stock(workspace.region, count=0)
    granted = wished(workspace)
    assert granted.operation is not None
    assert granted.operation.kind == "create_database"


def test_one_database_serves_one_service(azure: LocalAzure, workspace: Workspace):
    a_filled_stock(azure, workspace)
    first, second = wished(workspace, "first"), wished(workspace, "second")
    assert first.operation is not None
    assert second.operation is not None
    assert [first.operation.kind, second.operation.kind] == ["claim_database", "create_database"]


def test_a_closed_pool_gives_none(azure: LocalAzure, workspace: Workspace):
    a_filled_stock(azure, workspace)
    pool = Database.objects.get().pool
    assert pool is not None
    pool.is_cordoned = True
    pool.save()
    granted = wished(workspace)
    assert granted.operation is not None
    assert granted.operation.kind == "create_database"


def test_asking_again_gives_the_same(azure: LocalAzure, workspace: Workspace):
    a_filled_stock(azure, workspace)
    first = wished(workspace)
    again = wished(workspace)
    assert (first.service, first.operation) == (again.service, again.operation)
    run_until_settled(azure)
    assert wished(workspace).operation is None


def test_a_claimed_database_is_deleted_as_any_other(azure: LocalAzure, workspace: Workspace):
    a_filled_stock(azure, workspace)
    granted = wished(workspace)
    request_deletion(granted.service, actor="tests")
    run_until_settled(azure)
    assert Database.objects.get(service=granted.service).status == Status.DELETED
    assert azure.resources("databases") == []


def test_a_plan_tells_of_the_stock_and_takes_nothing(azure: LocalAzure, workspace: Workspace):
    a_filled_stock(azure, workspace)
    plan = plan_service(workspace, ServiceWish("claims", "fhir", 100 * GIB), actor="tests")
    assert [one.kind for one in plan.operations] == ["claim_database"]
    assert plan.placement is not None
    assert plan.placement.reason == "A database of the stock stands ready."
    assert WarmDatabase.objects.get().state == KEPT

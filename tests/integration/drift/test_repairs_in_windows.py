"""What drops connections is put back in its owner's window; what nobody notices, at once."""

from __future__ import annotations

from datetime import UTC, time, timedelta

import pytest

from cloud import factory
from cloud.changes import DatabaseChange, PoolChange
from cloud.protocols import Sku
from inventory.models import Database, Workspace
from operations import clock
from operations.models import Operation
from provisioning.drift.repairs import NotRepairable, repair_due, request_repair
from provisioning.maintenance import MaintenanceWish, WindowWish, define_maintenance
from tests.drifting import a_ready_database, change_outside, change_pool_outside, finish, found, look, repair, where
from tests.local_azure import LocalAzure, run_until_settled, work

HOUR = timedelta(hours=1)
SINGLE = DatabaseChange(sku=Sku("GP_Gen5", "GeneralPurpose", "Gen5", 2))


@pytest.fixture
def database(azure: LocalAzure, workspace: Workspace) -> Database:
    """Its owner may be disturbed for two hours, in two days."""
    database = a_ready_database(azure, workspace)
    at = (clock.now() + 48 * HOUR).astimezone(UTC)
    window = WindowWish(at.weekday(), time(at.hour, at.minute), 120, "UTC")
    define_maintenance(workspace, MaintenanceWish(frozenset({window})), actor="tests")
    return database


def the_window_opens() -> None:
    clock.advance(48 * HOUR, business=True)


def test_a_database_goes_back_into_its_pool_in_the_window(azure: LocalAzure, database: Database):
    change_outside(azure, database, SINGLE)
    look(azure, times=2)
    assert ("changed", "pool", "open") in found()
    assert repair(azure) == 0
    assert not Operation.objects.filter(kind="repair_database").exists()
    the_window_opens()
    assert repair(azure) == 1
    look(azure)
    assert {state for _, _, state in found()} == {"resolved"}
    seen = factory.sql_management().get_database(where(database), database.azure_name)
    assert seen is not None
    assert database.pool is not None
    assert seen.pool_name == database.pool.azure_name


def test_what_disturbs_nobody_does_not_wait_for_the_rest(azure: LocalAzure, database: Database):
    change_outside(azure, database, SINGLE)
    finish(azure, factory.sql_management().begin_set_retention(where(database), database.azure_name, 1))
    look(azure, times=2)
    assert repair(azure) == 1
    look(azure)
    states = {attribute: state for _, attribute, state in found()}
    assert (states["retention_days"], states["pool"]) == ("resolved", "open")
    seen = factory.sql_management().get_database(where(database), database.azure_name)
    assert seen is not None
    assert seen.pool_name is None


def test_a_pool_gets_its_size_back_in_the_window_and_its_limits_with_it(azure: LocalAzure, database: Database):
    bigger = Sku("GP_Gen5", "GeneralPurpose", "Gen5", 16)
    change_pool_outside(azure, database, PoolChange(bigger, per_database_vcores=(0, 2)))
    look(azure, times=2)
    assert {attribute for _, attribute, _ in found()} >= {"sku", "per_database_vcores"}
    pools = [resource.body["sku"]["capacity"] for resource in azure.resources("elasticPools")]
    repair(azure)
    assert [resource.body["sku"]["capacity"] for resource in azure.resources("elasticPools")] == pools == [16]
    the_window_opens()
    repair(azure)
    look(azure)
    assert {state for _, _, state in found()} == {"resolved"}


def test_limits_alone_are_put_back_at_once(azure: LocalAzure, database: Database):
    change_pool_outside(azure, database, PoolChange(per_database_vcores=(0, 2)))
    look(azure, times=2)
    assert repair(azure) == 1
    look(azure)
    assert {state for _, _, state in found()} == {"resolved"}


def test_an_operator_s_repair_waits_for_the_window_and_holds_no_other_up(
    azure: LocalAzure, database: Database, settings
):
    settings.DRIFT_REPAIRS_AT_ONCE = 1
    change_outside(azure, database, SINGLE)
    look(azure, times=2)
    target = database.key
    with pytest.raises(NotRepairable):
        request_repair(target, actor="tests", waits=False)
    operation = request_repair(target, actor="operator")
    work()
    operation.refresh_from_db()
    assert operation.waits_on == "window:cigna"
    assert database.pool is not None
    change_pool_outside(azure, database, PoolChange(per_database_vcores=(0, 2)))
    look(azure, times=2)
    assert repair_due() == 1
    the_window_opens()
    azure.pass_time(HOUR.total_seconds())
    run_until_settled(azure)
    operation.refresh_from_db()
    assert operation.state == "succeeded"

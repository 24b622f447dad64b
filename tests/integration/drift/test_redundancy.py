"""Zones and backup storage that somebody changes outside are found, put back or accepted; a fleet that vanishes stops us."""

from __future__ import annotations

import pytest

from cloud import factory
from cloud.changes import DatabaseChange, PoolChange
from inventory.models import Database, ElasticPool, Workspace
from operations.models import Operation
from provisioning.drift.accepting import accept
from provisioning.models import Finding
from tests.drifting import (
    a_ready_database,
    change_outside,
    change_pool_outside,
    delete_outside,
    finish,
    found,
    look,
    repair,
    where,
)
from tests.local_azure import LocalAzure


@pytest.fixture
def database(azure: LocalAzure, workspace: Workspace) -> Database:
    return a_ready_database(azure, workspace)


def zones_of(database: Database) -> bool | None:
    assert database.pool is not None
    seen = factory.sql_management().get_pool(where(database), database.pool.azure_name)
    assert seen is not None
    return seen.zone_redundant


def test_zones_of_a_pool_are_put_back(azure: LocalAzure, database: Database):
    change_pool_outside(azure, database, PoolChange(zone_redundant=True))
    look(azure, times=2)
    assert found() == [("changed", "zone_redundant", "open")]
    assert repair(azure) == 1
    look(azure)
    assert found() == [("changed", "zone_redundant", "resolved")]
    assert zones_of(database) is False


def test_accepted_zones_are_what_we_want_from_then_on(azure: LocalAzure, database: Database):
    change_pool_outside(azure, database, PoolChange(zone_redundant=True))
    look(azure, times=2)
    accept(Finding.objects.get(attribute="zone_redundant"), actor="operator", reason="It shall have them.")
    assert ElasticPool.objects.get().is_zone_redundant
    look(azure, times=2)
    assert not Finding.objects.exclude(state="resolved").exists()
    assert repair(azure) == 0
    assert zones_of(database) is True


def test_backup_storage_of_a_database_is_put_back(azure: LocalAzure, database: Database):
    assert database.backup_redundancy == "Geo"
    change_outside(azure, database, DatabaseChange(backup_redundancy="Local"))
    look(azure, times=2)
    assert found() == [("changed", "backup_redundancy", "open")]
    assert repair(azure) == 1
    look(azure)
    assert found() == [("changed", "backup_redundancy", "resolved")]
    seen = factory.sql_management().get_database(where(database), database.azure_name)
    assert seen is not None
    assert seen.backup_redundancy == "Geo"


def test_when_all_vanishes_we_stop_and_touch_no_row(azure: LocalAzure, workspace: Workspace, settings):
    settings.DRIFT_STOP_LEAST, settings.DRIFT_STOP_SHARE = 2, 0.1
    databases = [a_ready_database(azure, workspace, f"claims-{number}") for number in range(4)]
    assert databases[0].pool is not None
    finish(azure, factory.sql_management().begin_set_retention(where(databases[0]), databases[0].azure_name, 1))
    for one in databases[1:]:
        delete_outside(azure, one)
    before = Operation.objects.count()
    look(azure, times=3)
    assert repair(azure) == 0
    assert Operation.objects.count() == before
    assert Finding.objects.get(kind="stopped").severity == Finding.Severity.CRITICAL
    assert Database.objects.filter(status="ready", holds_room=True).count() == 4

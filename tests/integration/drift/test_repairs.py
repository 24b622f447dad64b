"""What was changed outside is put back by an operation, within brakes, and believed when a look shows it."""

from __future__ import annotations

import pytest

from cloud import factory
from cloud.changes import DatabaseChange, PoolChange, ServerChange
from cloud.protocols import Sku
from inventory.models import Database, Workspace
from operations.models import Operation
from provisioning.drift.pauses import pause, resume
from provisioning.drift.repairs import NotRepairable, request_repair
from provisioning.models import Finding
from tests.builders import GIB
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


def grow_outside(azure: LocalAzure, database: Database) -> None:
    change_outside(azure, database, DatabaseChange(max_size_bytes=200 * GIB))
    look(azure, times=2)


def test_a_changed_database_is_put_back(azure: LocalAzure, database: Database):
    grow_outside(azure, database)
    assert repair(azure) == 1
    assert found() == [("changed", "max_size_bytes", "repairing")]
    look(azure)
    assert found() == [("changed", "max_size_bytes", "resolved")]
    seen = factory.sql_management().get_database(where(database), database.azure_name)
    assert seen is not None
    assert (seen.max_size_bytes, seen.tags["database"]) == (100 * GIB, str(database.pk))
    operation = Operation.objects.get(kind="repair_database")
    assert (operation.state, operation.workspace, seen.tags["operation"]) == ("succeeded", "cigna", str(operation.pk))


def test_a_changed_pool_is_put_back(azure: LocalAzure, database: Database):
    change = PoolChange(Sku("GP_Gen5", "GeneralPurpose", "Gen5", 16), per_database_vcores=(0, 2))
    change_pool_outside(azure, database, change)
    look(azure, times=2)
    repair(azure)
    look(azure)
    assert {state for _, _, state in found()} == {"resolved"}


def test_a_server_that_let_everybody_in_is_closed_again(azure: LocalAzure, database: Database):
    arm = factory.sql_management()
    arm.set_firewall_rule(where(database), "everyone", "0.0.0.0", "255.255.255.255")
    arm.delete_firewall_rule(where(database), "range-0")
    finish(azure, arm.begin_update_server(where(database), ServerChange(minimal_tls_version="1.0")))
    look(azure, times=2)
    repair(azure)
    look(azure)
    assert {state for _, _, state in found()} == {"resolved"}
    assert [rule.name for rule in arm.list_firewall_rules(where(database))] == ["range-0"]


def test_protection_is_put_back(azure: LocalAzure, database: Database):
    arm = factory.sql_management()
    finish(azure, arm.begin_set_retention(where(database), database.azure_name, 1))
    look(azure, times=2)
    repair(azure)
    assert arm.get_retention_days(where(database), database.azure_name) == 7
    look(azure)
    assert found() == [("insecure", "retention_days", "resolved")]


def test_tags_that_others_added_stay(azure: LocalAzure, database: Database):
    change_outside(azure, database, DatabaseChange(tags={"cost-centre": "7"}))
    look(azure, times=2)
    repair(azure)
    seen = factory.sql_management().get_database(where(database), database.azure_name)
    assert seen is not None
    assert (seen.tags["cost-centre"], seen.tags["database"]) == ("7", str(database.pk))


def test_a_paused_resource_is_compared_and_not_repaired(azure: LocalAzure, database: Database):
    pause(database.server.key, actor="operator", reason="We work on it.")
    grow_outside(azure, database)
    assert (repair(azure), found()) == (0, [("changed", "max_size_bytes", "open")])
    assert resume(database.server.key, actor="operator")
    assert repair(azure) == 1


def test_repairs_stop_when_too_much_of_the_fleet_differs(azure: LocalAzure, database: Database, settings):
    settings.DRIFT_STOP_LEAST = 0
    grow_outside(azure, database)
    assert repair(azure) == 0
    assert found(severity=Finding.Severity.CRITICAL) == [("stopped", "", "open")]
    settings.DRIFT_STOP_LEAST = 1
    assert repair(azure) == 1
    assert found(kind="stopped") == [("stopped", "", "resolved")]


def test_a_missing_database_is_never_made_anew_by_itself(azure: LocalAzure, database: Database):
    delete_outside(azure, database)
    look(azure, times=2)
    assert repair(azure) == 0
    with pytest.raises(NotRepairable):
        request_repair(database.key, actor="operator")


def test_a_repair_that_fails_leaves_its_finding_open_and_is_given_up_in_the_end(
    azure: LocalAzure, database: Database, settings
):
    settings.DRIFT_REPAIR_ATTEMPTS = 1
    grow_outside(azure, database)
    delete_outside(azure, database)  # between the look and the repair
    assert repair(azure) == 1
    finding = Finding.objects.get()
    assert (finding.state, finding.repairs) == ("open", 1)
    assert "ResourceMissing" in finding.note
    assert repair(azure) == 0

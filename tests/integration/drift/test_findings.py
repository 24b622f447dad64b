"""What differs between our rows and Azure is found by the second look, and only by complete ones."""

from __future__ import annotations

import re

import pytest

from cloud import factory
from cloud.changes import DatabaseChange, PoolChange, ServerChange
from cloud.protocols import DatabaseSpec, Sku
from inventory.models import Database, Workspace
from operations.models import AuditEvent, OutboxEvent
from provisioning.models import Finding
from provisioning.services import ServiceWish, request_service
from simulator.faults import FaultKind, FaultRule
from tests.builders import GIB
from tests.drifting import (
    a_ready_database,
    change_outside,
    change_pool_outside,
    delete_outside,
    finish,
    found,
    look,
    where,
)
from tests.local_azure import LocalAzure, work


@pytest.fixture
def database(azure: LocalAzure, workspace: Workspace) -> Database:
    return a_ready_database(azure, workspace)


def test_what_we_made_ourselves_is_as_we_want_it(azure: LocalAzure, database: Database):
    look(azure, times=2)
    assert found() == []


def test_a_hyperscale_database_is_as_we_want_it(azure: LocalAzure, workspace: Workspace):
    request_service(workspace, ServiceWish("imaging", "dicom", 50 * 1024 * GIB), actor="tests")
    a_ready_database(azure, workspace)
    look(azure, times=2)
    assert found() == []


def test_a_change_outside_is_suspected_first_and_open_at_the_second_look(azure: LocalAzure, database: Database):
    change_outside(azure, database, DatabaseChange(max_size_bytes=200 * GIB))
    look(azure)
    assert found() == [("changed", "max_size_bytes", "suspected")]
    assert not AuditEvent.objects.filter(action="drift.found").exists()
    look(azure)
    finding = Finding.objects.get()
    assert (finding.state, finding.seen) == ("open", 2)
    assert (finding.expected, finding.observed) == (100 * GIB, 200 * GIB)
    assert (finding.target, finding.name) == (database.key, database.azure_name)
    assert finding.first_seen_at < finding.last_seen_at
    assert AuditEvent.objects.filter(action="drift.found", target=database.key).count() == 1


def test_what_a_second_look_does_not_show_was_nothing(azure: LocalAzure, database: Database):
    change_outside(azure, database, DatabaseChange(max_size_bytes=200 * GIB))
    look(azure)
    change_outside(azure, database, DatabaseChange(max_size_bytes=100 * GIB))
    look(azure)
    assert found() == []


def test_what_somebody_puts_right_by_hand_is_resolved(azure: LocalAzure, database: Database):
    change_outside(azure, database, DatabaseChange(max_size_bytes=200 * GIB))
    look(azure, times=2)
    change_outside(azure, database, DatabaseChange(max_size_bytes=100 * GIB))
    look(azure)
    assert found() == [("changed", "max_size_bytes", "resolved")]
    assert AuditEvent.objects.filter(action="drift.resolved").count() == 1


def test_a_database_that_somebody_deleted_is_missing_at_the_second_look(azure: LocalAzure, database: Database):
    delete_outside(azure, database)
    look(azure)
    assert found() == [("missing", "", "suspected")]
    look(azure)
    assert found(state="open", severity=Finding.Severity.CRITICAL) == [("missing", "", "open")]
    assert OutboxEvent.objects.filter(kind="drift.found", target=database.key, workspace="").count() == 1


@pytest.mark.parametrize("listing", [r"/databases$", r"/elasticPools$", r"/firewallRules$"])
def test_a_listing_that_fails_says_nothing_about_anything(azure: LocalAzure, database: Database, listing: str):
    delete_outside(azure, database)
    azure.azure.faults.add(
        FaultRule(FaultKind.STATUS, method="GET", path=re.compile(listing), status=500, code="Down", count=4)
    )
    look(azure, times=2)
    assert found() == []


def test_a_finding_outlives_a_listing_that_fails(azure: LocalAzure, database: Database):
    change_outside(azure, database, DatabaseChange(max_size_bytes=200 * GIB))
    look(azure, times=2)
    azure.azure.faults.add(FaultRule(FaultKind.STATUS, method="GET", path=re.compile("/databases$"), status=500))
    look(azure)
    assert found() == [("changed", "max_size_bytes", "open")]


def test_what_is_in_the_making_is_no_finding(azure: LocalAzure, database: Database, workspace: Workspace):
    request_service(workspace, ServiceWish("imaging", "fhir", 50 * GIB), actor="tests")
    for _ in range(12):
        work()
        look(azure)
        assert found() == []
        azure.pass_time(10)


def test_a_pool_of_another_size_and_other_limits_is_found(azure: LocalAzure, database: Database):
    change = PoolChange(Sku("GP_Gen5", "GeneralPurpose", "Gen5", 16), per_database_vcores=(0, 2))
    change_pool_outside(azure, database, change)
    look(azure, times=2)
    attributes = {attribute for _, attribute, _ in found(state="open")}
    assert {"sku", "per_database_vcores"} <= attributes
    assert {one.target for one in Finding.objects.all()} == {database.pool.key}


def test_weaker_protection_is_insecure(azure: LocalAzure, database: Database):
    arm = factory.sql_management()
    finish(azure, arm.begin_set_retention(where(database), database.azure_name, 1))
    finish(azure, arm.begin_update_server(where(database), ServerChange(minimal_tls_version="1.0")))
    arm.set_firewall_rule(where(database), "everyone", "0.0.0.0", "255.255.255.255")
    look(azure, times=2)
    assert found(state="open") == [
        ("insecure", "firewall:everyone", "open"),
        ("insecure", "minimal_tls_version", "open"),
        ("insecure", "retention_days", "open"),
    ]


def test_lost_tags_are_found(azure: LocalAzure, database: Database):
    change_outside(azure, database, DatabaseChange(tags={"cost-centre": "7"}))
    look(azure, times=2)
    assert found() == [("changed", "tags", "open")]


def test_what_somebody_else_put_on_our_server_is_found_and_not_called_ours(azure: LocalAzure, database: Database):
    spec = DatabaseSpec("eastus", pool_name=database.pool.azure_name, max_size_bytes=GIB)
    finish(azure, factory.sql_management().begin_create_database(where(database), "by-hand", spec))
    look(azure, times=2)
    assert found() == [("orphaned", "", "open")]
    assert Finding.objects.get().severity == Finding.Severity.LOW

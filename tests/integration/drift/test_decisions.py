"""What operators decide about findings: take it as it is, live with it, release the brake."""

from __future__ import annotations

import pytest

from cloud import factory
from cloud.changes import DatabaseChange, PoolChange
from cloud.protocols import Sku
from inventory.models import Database, ElasticPool, SqlServer, Workspace
from operations.models import AuditEvent
from provisioning.drift.accepting import NotAcceptable, accept
from provisioning.models import Finding
from tests.builders import GIB, TIB
from tests.drifting import (
    a_ready_database,
    change_outside,
    change_pool_outside,
    delete_outside,
    found,
    look,
    repair,
    where,
)
from tests.local_azure import LocalAzure


@pytest.fixture
def database(azure: LocalAzure, workspace: Workspace) -> Database:
    return a_ready_database(azure, workspace)


def test_an_accepted_size_is_what_we_want_from_then_on(azure: LocalAzure, database: Database):
    change_outside(azure, database, DatabaseChange(max_size_bytes=200 * GIB))
    look(azure, times=2)
    accept(Finding.objects.get(), actor="operator", reason="It needs the room.")
    database.refresh_from_db()
    assert database.size_bytes == 200 * GIB
    assert ElasticPool.objects.get().bytes_committed == 200 * GIB
    event = AuditEvent.objects.get(action="drift.accepted")
    assert (event.actor, event.reason, event.target) == ("operator", "It needs the room.", database.key)
    look(azure)
    assert found() == [("changed", "max_size_bytes", "resolved")]


def test_what_is_lived_with_is_open_again_when_it_changes_again(azure: LocalAzure, database: Database):
    arm = factory.sql_management()
    arm.set_firewall_rule(where(database), "office", "10.0.0.1", "10.0.0.9")
    look(azure, times=2)
    accept(Finding.objects.get(), actor="operator", reason="The office.")
    look(azure)
    assert (repair(azure), found()) == (0, [("insecure", "firewall:office", "accepted")])
    arm.set_firewall_rule(where(database), "office", "0.0.0.0", "255.255.255.255")
    look(azure)
    assert found() == [("insecure", "firewall:office", "open")]


def test_a_repair_leaves_alone_what_was_accepted(azure: LocalAzure, database: Database):
    arm = factory.sql_management()
    arm.set_firewall_rule(where(database), "office", "10.0.0.1", "10.0.0.9")
    look(azure, times=2)
    accept(Finding.objects.get(), actor="operator", reason="The office.")
    arm.set_firewall_rule(where(database), "everyone", "0.0.0.0", "255.255.255.255")
    look(azure, times=2)
    assert repair(azure) == 1
    assert sorted(rule.name for rule in arm.list_firewall_rules(where(database))) == ["office", "range-0"]


def test_less_room_than_is_promised_cannot_be_accepted(azure: LocalAzure, database: Database):
    change_pool_outside(azure, database, PoolChange(max_size_bytes=50 * GIB))
    look(azure, times=2)
    finding = Finding.objects.get()
    with pytest.raises(NotAcceptable):
        accept(finding, actor="operator", reason="Cheaper.")
    assert ElasticPool.objects.get().max_size_bytes == finding.expected > TIB // 4


def test_an_accepted_pool_counts_with_its_new_vcores(azure: LocalAzure, database: Database):
    before = ElasticPool.objects.get()
    bigger = Sku(before.sku_name, before.service_tier, before.family, 2 * before.vcores)
    change_pool_outside(azure, database, PoolChange(bigger))
    look(azure, times=2)
    accept(Finding.objects.get(attribute="sku"), actor="operator", reason="A busy month.")
    assert ElasticPool.objects.get().vcores == 2 * before.vcores
    assert SqlServer.objects.get().vcores_committed == 2 * before.vcores
    look(azure)
    assert ("changed", "sku", "resolved") in found()


def test_what_is_gone_cannot_be_accepted(azure: LocalAzure, database: Database):
    delete_outside(azure, database)
    look(azure, times=2)
    with pytest.raises(NotAcceptable):
        accept(Finding.objects.get(), actor="operator", reason="So be it.")


def test_the_brake_is_released_up_to_the_number_that_was_seen(azure: LocalAzure, database: Database, settings):
    settings.DRIFT_STOP_LEAST = 0
    change_outside(azure, database, DatabaseChange(max_size_bytes=200 * GIB))
    look(azure, times=2)
    assert repair(azure) == 0
    accept(Finding.objects.get(kind="stopped"), actor="operator", reason="It was a script of ours.")
    assert repair(azure) == 1
    look(azure)
    assert found(kind="changed") == [("changed", "max_size_bytes", "resolved")]

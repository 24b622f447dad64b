"""PATCHes of what stands, and listings of what nobody asked for, against the simulated Azure."""

from __future__ import annotations

import pytest

from cloud.azure_changes import database_update, pool_update, server_update
from cloud.changes import DatabaseChange, FirewallRule, PoolChange, ServerChange
from cloud.errors import Missing
from cloud.protocols import ServerRef, Sku, SqlManagement
from simulator.azure import Azure
from tests.cloud.builders import POOLED, a_pool, a_server, finish


def test_what_a_change_leaves_out_stays(azure: Azure, arm: SqlManagement):
    server = a_pool(azure, a_server(azure))
    finish(azure, arm.begin_create_database(server, "d-1", POOLED))
    before = arm.get_database(server, "d-1")
    assert before is not None
    finish(azure, arm.begin_update_database(server, "d-1", DatabaseChange(max_size_bytes=2**36)))
    after = arm.get_database(server, "d-1")
    assert after is not None
    assert (after.max_size_bytes, after.pool_name, after.tags) == (2**36, before.pool_name, before.tags)


def test_a_pool_takes_another_size_and_other_tags(azure: Azure, arm: SqlManagement):
    server = a_pool(azure, a_server(azure))
    tags = {"deployment": "d"}
    change = PoolChange(Sku("GP_Gen5", "GeneralPurpose", "Gen5", 8), per_database_vcores=(0, 4), tags=tags)
    finish(azure, arm.begin_update_pool(server, "p-1", change))
    pool = arm.get_pool(server, "p-1")
    assert pool is not None
    assert (pool.sku.capacity, pool.per_database_max_vcores, pool.tags) == (8, 4, tags)


def test_a_server_keeps_its_other_settings(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    finish(azure, arm.begin_update_server(server, ServerChange(minimal_tls_version="1.1")))
    seen = arm.get_server(server)
    assert seen is not None
    assert (seen.public_network_access, seen.minimal_tls_version, seen.tags) == ("Enabled", "1.1", {"deployment": "d"})
    assert (seen.administrator_login, seen.entra_only) == ("sppadmin", False)


def test_servers_of_a_group_are_listed_and_an_absent_group_has_none(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    assert [one.name for one in arm.list_servers(server.subscription_id, "rg-1")] == ["spp-1"]
    assert arm.list_servers(server.subscription_id, "rg-none") == []


def test_an_unknown_subscription_has_no_empty_list_of_servers(azure: Azure, arm: SqlManagement):
    with pytest.raises(Missing):
        arm.list_servers("00000000-0000-0000-0000-00000000ffff", "rg-1")


def test_firewall_rules_are_listed_and_removed(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    arm.set_firewall_rule(server, "everyone", "0.0.0.0", "255.255.255.255")
    assert arm.list_firewall_rules(server) == [FirewallRule("everyone", "0.0.0.0", "255.255.255.255")]
    arm.delete_firewall_rule(server, "everyone")
    arm.delete_firewall_rule(server, "everyone")
    assert arm.list_firewall_rules(server) == []


def test_rules_of_an_absent_server_are_no_empty_list(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    with pytest.raises(Missing):
        arm.list_firewall_rules(ServerRef(server.subscription_id, "rg-1", "spp-none"))


def test_a_change_sends_nothing_that_it_leaves_out():
    server = ServerRef("s", "g", "n")
    assert database_update(server, DatabaseChange(pool_name="p-2")).as_dict() == {
        "properties": {
            "elasticPoolId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/n/elasticPools/p-2"
        }
    }
    assert pool_update(PoolChange(max_size_bytes=1)).as_dict() == {"properties": {"maxSizeBytes": 1}}
    assert server_update(ServerChange(tags={"a": "b"})).as_dict() == {"properties": {}, "tags": {"a": "b"}}

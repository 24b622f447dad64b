"""What is asked of ARM and what is seen, through Microsoft's SDK against the simulated Azure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from cloud import factory
from cloud.azure_databases import database_body
from cloud.azure_servers import server_body
from cloud.errors import Missing, NoRoomHere, Rejected
from cloud.protocols import PoolSpec, ServerRef, Sku, SqlManagement
from simulator.azure import Azure
from simulator.http import Request, Response
from tests.cloud.builders import HYPERSCALE, PASSWORD, POOL, POOLED, a_pool, a_server, a_server_spec, finish
from tests.cloud.in_process import configure


def test_a_server_is_created_and_seen(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    seen = arm.get_server(server)
    assert seen is not None
    assert (seen.name, seen.region, seen.state) == ("spp-1", "eastus", "Ready")
    assert seen.endpoint == "spp-1.database.windows.net"
    assert (seen.minimal_tls_version, seen.public_network_access) == ("1.2", "Enabled")
    assert seen.tags == {"deployment": "d"}


def test_absent_things_are_none(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    elsewhere = ServerRef(server.subscription_id, "rg-none", "spp-none")
    assert arm.get_server(elsewhere) is None
    assert arm.get_pool(server, "p-none") is None
    assert arm.get_database(server, "d-none") is None
    assert arm.get_database(elsewhere, "d-none") is None


def test_an_unknown_subscription_is_not_an_absent_server(azure: Azure, arm: SqlManagement):
    with pytest.raises(Missing) as refused:
        arm.get_server(ServerRef("00000000-0000-0000-0000-00000000ffff", "rg-1", "spp-1"))
    assert refused.value.code == "SubscriptionNotFound"


def test_lists_of_an_absent_server_are_no_empty_lists(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    elsewhere = ServerRef(server.subscription_id, "rg-1", "spp-none")
    for ask in (arm.list_databases, arm.list_pools):
        with pytest.raises(Missing):
            ask(elsewhere)


def test_a_pool_is_seen_as_it_was_asked_for(azure: Azure, arm: SqlManagement):
    server = a_pool(azure, a_server(azure))
    seen = arm.get_pool(server, "p-1")
    assert seen is not None
    assert seen == arm.list_pools(server)[0]
    assert (seen.state, seen.sku, seen.tags) == ("Ready", POOL.sku, {"pool": "1"})
    assert (seen.per_database_min_vcores, seen.per_database_max_vcores) == (0, 2)


def test_a_pooled_database_is_seen_in_its_pool(azure: Azure, arm: SqlManagement):
    server = a_pool(azure, a_server(azure))
    finish(azure, arm.begin_create_database(server, "d-1", POOLED))
    seen = arm.get_database(server, "d-1")
    assert seen is not None
    assert (seen.status, seen.pool_name, seen.max_size_bytes) == ("Online", "p-1", 2**35)
    assert (seen.objective, seen.requested_objective) == ("ElasticPool", "ElasticPool")
    assert (seen.backup_redundancy, seen.tags) == ("Geo", {"database": "1"})


def test_a_hyperscale_database_has_no_size_limit(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    finish(azure, arm.begin_create_database(server, "d-1", HYPERSCALE))
    seen = arm.get_database(server, "d-1")
    assert seen is not None
    assert (seen.sku, seen.max_size_bytes, seen.pool_name) == (HYPERSCALE.sku, None, None)


def test_a_listing_has_all_pages_and_not_master():
    azure = Azure(page_size=3)
    configure(azure)
    arm, server = factory.sql_management(), a_pool(azure, a_server(azure))
    for number in range(7):
        arm.begin_create_database(server, f"d-{number}", POOLED)
    assert [one.name for one in arm.list_databases(server)] == [f"d-{number}" for number in range(7)]


def test_deleting_what_is_gone_is_done(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    assert arm.begin_delete_database(server, "d-none").poll_url is None
    assert arm.begin_delete_pool(server, "p-none").poll_url is None
    assert arm.begin_delete_server(ServerRef(server.subscription_id, "rg-1", "spp-none")).poll_url is None
    assert arm.begin_delete_database(ServerRef(server.subscription_id, "rg-none", "x"), "d").poll_url is None


def test_everything_can_be_deleted_again(azure: Azure, arm: SqlManagement):
    server = a_pool(azure, a_server(azure))
    finish(azure, arm.begin_create_database(server, "d-1", POOLED))
    finish(azure, arm.begin_delete_database(server, "d-1"))
    assert arm.get_database(server, "d-1") is None
    finish(azure, arm.begin_delete_pool(server, "p-1"))
    assert arm.get_pool(server, "p-1") is None
    finish(azure, arm.begin_delete_server(server))
    assert arm.get_server(server) is None


def test_a_pool_that_is_not_there_is_missing(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    with pytest.raises(Missing) as refused:
        arm.begin_create_database(server, "d-1", POOLED)
    assert refused.value.code == "TargetElasticPoolDoesNotExist"


def test_a_pool_with_databases_is_not_deleted(azure: Azure, arm: SqlManagement):
    server = a_pool(azure, a_server(azure))
    finish(azure, arm.begin_create_database(server, "d-1", POOLED))
    with pytest.raises(Rejected) as refused:
        arm.begin_delete_pool(server, "p-1")
    assert refused.value.code == "ElasticPoolNotEmpty"


def test_a_full_server_says_choose_another_place(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    big = PoolSpec("eastus", Sku("GP_Gen5", "GeneralPurpose", "Gen5", 128), None, 0, 2)
    for number in range(4):
        finish(azure, arm.begin_create_pool(server, f"p-{number}", big))
    with pytest.raises(NoRoomHere):
        arm.begin_create_pool(server, "p-4", big)


def test_settings_of_a_new_database_are_read_and_set(azure: Azure, arm: SqlManagement):
    server = a_pool(azure, a_server(azure))
    finish(azure, arm.begin_create_database(server, "d-1", POOLED))
    assert arm.get_retention_days(server, "d-1") == 7
    finish(azure, arm.begin_set_retention(server, "d-1", 14))
    assert arm.get_retention_days(server, "d-1") == 14
    assert arm.get_tde_enabled(server, "d-1") is True
    finish(azure, arm.begin_enable_tde(server, "d-1"))
    assert arm.get_retention_days(server, "d-none") is None
    assert arm.get_tde_enabled(server, "d-none") is None


def test_settings_of_a_new_server_are_read_and_set(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    assert arm.get_auditing_enabled(replace(server, name="nobody")) is None
    assert arm.get_auditing_enabled(server) is False
    finish(azure, arm.begin_enable_auditing(server))
    assert arm.get_auditing_enabled(server) is True
    arm.set_firewall_rule(server, "office", "10.0.0.1", "10.0.0.9")
    arm.set_firewall_rule(server, "office", "10.0.0.1", "10.0.0.9")


def test_a_resource_group_is_made_once_and_its_tags_are_left_alone(azure: Azure, arm: SqlManagement):
    subscription = azure.arm.subscriptions[0]
    asked: list[str] = []

    def note(request: Request, call: Callable[[], Response]) -> Response:
        asked.append(request.method)
        return call()

    configure(azure, around=note)
    factory.sql_management().ensure_resource_group(subscription, "rg-1", "eastus", {"a": "1"})
    factory.sql_management().ensure_resource_group(subscription, "rg-1", "eastus", {"a": "2"})
    assert asked.count("PUT") == 1


def test_an_entra_only_server_has_no_sql_administrator():
    spec = a_server_spec(
        entra_only=True, entra_admin_login="dbas", entra_admin_object_id="object", entra_tenant_id="tenant"
    )
    sent = server_body(spec, PASSWORD).as_dict()["properties"]
    assert "administratorLogin" not in sent
    assert "administratorLoginPassword" not in sent
    assert sent["administrators"]["azureADOnlyAuthentication"] is True
    assert (sent["administrators"]["sid"], sent["administrators"]["principalType"]) == ("object", "Group")


def test_a_server_looks_principals_up_by_its_own_identity():
    name = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/lookup"
    sent = server_body(a_server_spec(entra_only=True, identity_id=name), None).as_dict()
    assert sent["identity"] == {"type": "UserAssigned", "userAssignedIdentities": {name: {}}}
    assert sent["properties"]["primaryUserAssignedIdentityId"] == name


def test_what_policies_demand_is_in_the_create_call():
    sent = server_body(a_server_spec(public_network_access=False), PASSWORD).as_dict()
    assert sent["tags"] == {"deployment": "d"}
    assert sent["properties"]["minimalTlsVersion"] == "1.2"
    assert sent["properties"]["publicNetworkAccess"] == "Disabled"
    assert sent["properties"]["administratorLoginPassword"] == PASSWORD.reveal()


def test_a_pooled_database_is_sent_without_sku_and_a_single_one_without_pool():
    server = ServerRef("s", "rg", "spp-1")
    pooled = database_body(server, POOLED).as_dict()
    single = database_body(server, HYPERSCALE).as_dict()
    assert "sku" not in pooled
    assert pooled["properties"]["elasticPoolId"].endswith("/servers/spp-1/elasticPools/p-1")
    assert single["sku"]["name"] == "HS_Gen5"
    assert "maxSizeBytes" not in single["properties"]
    assert "elasticPoolId" not in single["properties"]

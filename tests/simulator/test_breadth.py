"""Microsoft's SDK, unchanged, through all that a database can go through here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.sql import SqlManagementClient

from simulator.azure import Azure
from tests.simulator.builders import PASSWORD, a_group, ask, settle, sql_client, whole_id

GROUP, SERVER = "rg", "one"
LOCK = "/providers/Microsoft.Authorization/locks/keep"


@pytest.fixture(scope="module")
def azure() -> Azure:
    return Azure(real=lambda: 0.0, throttled=False)


@pytest.fixture(scope="module")
def client(azure) -> SqlManagementClient:
    a_group(azure)
    made = sql_client(azure)
    login = {"administratorLogin": "boss", "administratorLoginPassword": PASSWORD}
    for name in (SERVER, "other"):
        wish = {"location": "eastus", "properties": login}
        assert made.servers.begin_create_or_update(GROUP, name, wish).result().properties.state == "Ready"
    return made


def make(client: SqlManagementClient, name: str, *, server: str = SERVER, sku: str = "S0", **properties: Any) -> Any:
    wish = {"location": "eastus", "properties": properties, **({"sku": {"name": sku}} if sku else {})}
    return client.databases.begin_create_or_update(GROUP, server, name, wish).result()


def test_a_database_is_copied_to_another_server(client):
    source = make(client, "copied")
    copy = make(client, "copy", server="other", sku="", createMode="Copy", sourceDatabaseId=source.id)
    assert (copy.properties.status, copy.sku.name) == ("Online", "Standard")
    assert list(client.replication_links.list_by_database(GROUP, SERVER, "copied")) == []


def test_a_database_is_renamed(client):
    named = make(client, "before")
    client.databases.rename(GROUP, SERVER, "before", {"id": named.id.replace("before", "after")})
    after = client.databases.get(GROUP, SERVER, "after")
    assert after.properties.database_id == named.properties.database_id
    with pytest.raises(ResourceNotFoundError):
        client.databases.get(GROUP, SERVER, "before")


def test_a_database_comes_back_as_it_was_and_after_it_was_dropped(azure, client):
    source = make(client, "lost")
    azure.clock.advance(timedelta(hours=2))
    point = (azure.clock.moment() - timedelta(hours=1)).isoformat()
    earlier = {"createMode": "PointInTimeRestore", "sourceDatabaseId": source.id, "restorePointInTime": point}
    assert make(client, "restored", sku="", **earlier).properties.status == "Online"
    client.databases.begin_delete(GROUP, SERVER, "lost").result()
    (dropped,) = client.restorable_dropped_databases.list_by_server(GROUP, SERVER)
    assert dropped.properties.database_name == "lost"
    back = make(client, "lost", sku="", createMode="Restore", restorableDroppedDatabaseId=dropped.id)
    assert back.properties.status == "Online"


def test_changes_of_a_database_are_listed_and_cancelled(azure, client):
    make(client, "changing", sku="GP_Gen5_2")
    client.databases.begin_update(GROUP, SERVER, "changing", {"sku": {"name": "GP_Gen5_4"}}, polling=False)
    (one,) = client.database_operations.list_by_database(GROUP, SERVER, "changing")
    assert (one.properties.state, one.properties.is_cancellable) == ("InProgress", True)
    client.database_operations.cancel(GROUP, SERVER, "changing", one.name)
    (one,) = client.database_operations.list_by_database(GROUP, SERVER, "changing")
    assert one.properties.state == "CancelInProgress"
    settle(azure)
    (one,) = client.database_operations.list_by_database(GROUP, SERVER, "changing")
    assert (one.properties.state, one.properties.is_cancellable) == ("Cancelled", False)
    assert client.databases.get(GROUP, SERVER, "changing").sku.capacity == 2


def test_a_change_of_a_pool_is_cancelled(azure, client):
    wish = {"location": "eastus", "sku": {"name": "GP_Gen5", "capacity": 2}}
    assert client.elastic_pools.begin_create_or_update(GROUP, SERVER, "p", wish).result().properties.state == "Ready"
    client.elastic_pools.begin_update(GROUP, SERVER, "p", {"sku": {"name": "GP_Gen5", "capacity": 4}}, polling=False)
    (one,) = client.elastic_pool_operations.list_by_elastic_pool(GROUP, SERVER, "p")
    client.elastic_pool_operations.cancel(GROUP, SERVER, "p", one.name)
    settle(azure)
    (one,) = client.elastic_pool_operations.list_by_elastic_pool(GROUP, SERVER, "p")
    assert (one.properties.state, one.properties.error_description) == (
        "CANCELLED",
        "The operation has been cancelled by user.",
    )
    assert client.elastic_pools.get(GROUP, SERVER, "p").sku.capacity == 2


def test_a_region_tells_what_it_offers_and_what_is_used(client):
    offer = client.capabilities.list_by_location("westeurope")
    (version,) = offer.supported_server_versions
    tiers = {edition.name for edition in version.supported_elastic_pool_editions}
    assert tiers == {"Basic", "Standard", "Premium", "GeneralPurpose", "BusinessCritical", "Hyperscale"}
    servers = client.subscription_usages.get("eastus", "ServerQuota").properties
    assert (servers.current_value, servers.limit) == (2.0, 20.0)
    assert len(list(client.subscription_usages.list_by_location("eastus"))) == 4
    assert {one.name for one in client.server_usages.list_by_server(GROUP, SERVER)} >= {"server_dtu_quota"}


def test_a_name_is_asked_about(client):
    taken = client.servers.check_name_availability({"name": SERVER, "type": "Microsoft.Sql/servers"})
    assert (taken.available, taken.reason) == (False, "AlreadyExists")
    assert client.servers.check_name_availability({"name": "free-one", "type": "Microsoft.Sql/servers"}).available


def test_a_secondary_shows_as_a_link_on_both_sides(client):
    source = make(client, "led")
    make(client, "led", server="other", sku="", createMode="Secondary", sourceDatabaseId=source.id)
    (mine,) = client.replication_links.list_by_database(GROUP, SERVER, "led")
    (theirs,) = client.replication_links.list_by_database(GROUP, "other", "led")
    assert (mine.properties.role, theirs.properties.role) == ("Primary", "Secondary")
    assert mine.properties.partner_server == "other"


def test_what_secures_a_database_is_set_and_read(client):
    make(client, "secured")
    names = (GROUP, SERVER, "secured")
    assert client.transparent_data_encryptions.get(*names, "current").properties.state == "Enabled"
    kept = client.backup_short_term_retention_policies.begin_create_or_update(
        *names, "default", {"properties": {"retentionDays": 14}}
    ).result()
    assert kept.properties.retention_days == 14
    long = client.long_term_retention_policies.begin_create_or_update(
        *names, "default", {"properties": {"weeklyRetention": "P4W"}}
    ).result()
    assert long.properties.weekly_retention == "P4W"
    audit = {"properties": {"state": "Enabled", "isAzureMonitorTargetEnabled": True}}
    assert client.server_blob_auditing_policies.begin_create_or_update(GROUP, SERVER, audit).result()
    rule = {"properties": {"startIpAddress": "10.0.0.1", "endIpAddress": "10.0.0.9"}}
    assert client.firewall_rules.create_or_update(GROUP, SERVER, "r", rule).properties.end_ip_address == "10.0.0.9"
    assert [one.name for one in client.firewall_rules.list_by_server(GROUP, SERVER)] == ["r"]


def test_somebody_of_the_directory_governs_a_server(azure, client):
    somebody = {"administratorType": "ActiveDirectory", "login": "dba", "sid": "0b5d9a6e-7f0b-4d4c-9a01-2b7b0d2c6c11"}
    administrators = client.server_azure_ad_administrators
    wish = {"properties": {**somebody, "tenantId": azure.tenant}}
    made = administrators.begin_create_or_update(GROUP, "other", "ActiveDirectory", wish).result()
    assert made.properties.login == "dba"
    only = client.server_azure_ad_only_authentications
    wish = {"properties": {"azureADOnlyAuthentication": True}}
    assert only.begin_create_or_update(GROUP, "other", "Default", wish).result().properties.azure_ad_only_authentication
    only.begin_delete(GROUP, "other", "Default").result()
    administrators.begin_delete(GROUP, "other", "ActiveDirectory").result()


def test_a_locked_database_is_not_deleted_and_a_denied_one_not_made(azure, client):
    path = whole_id(azure, f"/resourceGroups/{GROUP}/providers/Microsoft.Sql/servers/{SERVER}/databases/locked")
    make(client, "locked")
    lock = {"properties": {"level": "CanNotDelete"}}
    assert ask(azure, "PUT", path + LOCK, lock, **{"api-version": "2020-05-01"}).status == 201
    with pytest.raises(HttpResponseError) as refused:
        client.databases.begin_delete(GROUP, SERVER, "locked")
    assert (refused.value.status_code, refused.value.error.code) == (409, "ScopeLocked")
    assert ask(azure, "DELETE", path + LOCK, **{"api-version": "2020-05-01"}).status == 200
    assert client.databases.begin_delete(GROUP, SERVER, "locked").result() is None

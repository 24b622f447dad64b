"""A server, its pool and its databases, from creation to deletion, through Azure's own SDK."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from simulator.tds.engine import connect
from tests.simulator.builders import PASSWORD, a_database, a_group, a_pool, a_server, ask, settle, sql_client, whole_id

SERVER = {
    "location": "eastus",
    "properties": {"administratorLogin": "fleetadmin", "administratorLoginPassword": PASSWORD},
}


def test_a_server_pool_and_database_live_and_die_through_the_sdk(azure):
    a_group(azure)
    client = sql_client(azure)
    server = client.servers.begin_create_or_update("rg", "one", SERVER).result()
    assert server.properties.fully_qualified_domain_name == "one.database.windows.net"
    pool = client.elastic_pools.begin_create_or_update(
        "rg", "one", "p1", {"location": "eastus", "sku": {"name": "GP_Gen5", "capacity": 4}}
    ).result()
    assert pool.properties.state == "Ready"
    database = client.databases.begin_create_or_update(
        "rg", "one", "d1", {"location": "eastus", "properties": {"elasticPoolId": pool.id}, "tags": {"a": "b"}}
    ).result()
    assert (database.properties.status, database.sku.name, database.tags) == ("Online", "ElasticPool", {"a": "b"})
    assert {one.name for one in client.databases.list_by_server("rg", "one")} == {"master", "d1"}
    assert [one.name for one in client.databases.list_by_elastic_pool("rg", "one", "p1")] == ["d1"]
    client.databases.begin_delete("rg", "one", "d1").result()
    with pytest.raises(ResourceNotFoundError):
        client.databases.get("rg", "one", "d1")
    client.elastic_pools.begin_delete("rg", "one", "p1").result()
    client.servers.begin_delete("rg", "one").result()
    assert list(client.servers.list()) == []


def test_a_server_is_not_found_while_it_is_being_created(azure):
    a_group(azure)
    client = sql_client(azure)
    client.servers.begin_create_or_update("rg", "one", SERVER, polling=False)
    with pytest.raises(ResourceNotFoundError):
        client.servers.get("rg", "one")


def test_a_database_is_visible_as_creating_until_it_is_online(azure):
    server = a_server(azure)
    client = sql_client(azure)
    client.databases.begin_create_or_update("rg", "one", "d1", {"location": "eastus"}, polling=False)
    assert client.databases.get("rg", "one", "d1").properties.status == "Creating"
    assert server


def test_a_pool_with_databases_refuses_deletion(azure):
    server = a_server(azure)
    pool = a_pool(azure, server)
    client = sql_client(azure)
    document = {"location": "eastus", "properties": {"elasticPoolId": whole_id(azure, pool)}}
    client.databases.begin_create_or_update("rg", "one", "d1", document).result()
    with pytest.raises(HttpResponseError) as refused:
        client.elastic_pools.begin_delete("rg", "one", "p1").result()
    assert refused.value.error.code == "ElasticPoolNotEmpty"


def test_a_database_can_be_restored_only_after_its_first_backup(azure):
    database = a_database(azure, a_server(azure))
    before = orjson.loads(ask(azure, "GET", database).body)["properties"]
    azure.clock.advance(timedelta(minutes=30))
    after = orjson.loads(ask(azure, "GET", database).body)["properties"]
    assert ("earliestRestoreDate" in before, "earliestRestoreDate" in after) == (False, True)


def test_a_move_into_a_pool_shows_when_it_is_done(azure):
    server = a_server(azure)
    pool, database = a_pool(azure, server), a_database(azure, server)
    assert ask(azure, "PATCH", database, {"properties": {"elasticPoolId": whole_id(azure, pool)}}).status == 202
    during = orjson.loads(ask(azure, "GET", database).body)["properties"]
    assert (during["currentServiceObjectiveName"], during["requestedServiceObjectiveName"]) == (
        "GP_Gen5_2",
        "ElasticPool",
    )
    settle(azure)
    after = orjson.loads(ask(azure, "GET", database).body)
    assert (after["sku"]["name"], after["kind"]) == ("ElasticPool", "v12.0,user,vcore,pool")


def test_a_dropped_database_stays_restorable_until_its_retention_ends(azure):
    server = a_server(azure)
    database = a_database(azure, server)
    ask(azure, "DELETE", database)
    settle(azure)
    kept = orjson.loads(ask(azure, "GET", f"{server}/restorableDroppedDatabases").body)["value"]
    assert [one["properties"]["databaseName"] for one in kept] == ["d1"]
    azure.clock.advance(timedelta(days=8))
    assert orjson.loads(ask(azure, "GET", f"{server}/restorableDroppedDatabases").body)["value"] == []


def test_users_go_with_their_database(azure):
    server = a_server(azure)
    database = a_database(azure, server)
    with_admin = {"server": "one", "user": "fleetadmin", "password": PASSWORD}
    connect(azure.sql_directory, database="d1", **with_admin).execute(
        "CREATE USER app WITH PASSWORD = 'Correct-Horse-10'"
    )
    assert list(azure.sql_users()) == [("one", "d1", "app")]
    ask(azure, "DELETE", database)
    settle(azure)
    a_database(azure, server)
    assert list(azure.sql_users()) == []


def test_deleting_a_group_deletes_all_that_is_in_it(azure):
    server = a_server(azure)
    a_database(azure, server)
    assert ask(azure, "DELETE", "/resourceGroups/rg").status == 202
    settle(azure)
    assert len(azure.arm.resources) == 0

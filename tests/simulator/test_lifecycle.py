"""A server, its pool and its databases, from creation to deletion, through Azure's own SDK."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.simulator.builders import PASSWORD, a_group, a_pool, a_server, sql_client, whole_id

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

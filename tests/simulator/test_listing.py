"""Listings: pages that lead on, quick with thousands, and honest about staleness."""

from __future__ import annotations

import time
from datetime import timedelta

import orjson

from simulator.azure import Azure
from tests.simulator.builders import a_database, a_pool, a_server, ask, begin_database, settle, sql_client, whole_id


def test_pages_lead_to_every_database_once():
    azure = Azure(real=lambda: 0.0, page_size=3)
    server = a_server(azure)
    for number in range(7):
        assert begin_database(azure, f"{server}/databases/d{number}").status == 202
    first = orjson.loads(ask(azure, "GET", f"{server}/databases").body)
    assert len(first["value"]) == 3
    assert "$skipToken=" in first["nextLink"]
    names = [one.name for one in sql_client(azure).databases.list_by_server("rg", "one")]
    assert names == ["master", *(f"d{number}" for number in range(7))]


def test_pools_and_servers_that_are_done_keep_their_place_in_pages():
    azure = Azure(real=lambda: 0.0, page_size=2)
    for name in ("one", "two", "three"):
        a_server(azure, name)
    for name in ("a", "b", "c"):
        a_pool(azure, "/resourceGroups/rg/providers/Microsoft.Sql/servers/one", name)
    client = sql_client(azure)
    assert [one.name for one in client.elastic_pools.list_by_server("rg", "one")] == ["a", "b", "c"]
    assert [one.name for one in client.servers.list()] == ["one", "two", "three"]


def test_a_deletion_between_pages_skips_nothing():
    azure = Azure(real=lambda: 0.0, page_size=2)
    server = a_server(azure)
    for name in ("a", "b", "c"):
        a_database(azure, server, name)
    first = orjson.loads(ask(azure, "GET", f"{server}/databases").body)
    ask(azure, "DELETE", f"{server}/databases/a")
    settle(azure)
    token = first["nextLink"].split("$skipToken=")[1]
    rest = orjson.loads(ask(azure, "GET", f"{server}/databases", **{"$skipToken": token}).body)
    assert [one["name"] for one in rest["value"]] == ["b", "c"]


def test_two_thousand_databases_list_quickly():
    azure = Azure(real=lambda: 0.0, throttled=False)
    server = a_server(azure)
    pools = [a_pool(azure, server, f"p{number}", capacity=8) for number in range(4)]
    for number in range(2000):
        assert begin_database(azure, f"{server}/databases/d{number}", pools[number % 4]).status == 202
    started = time.process_time()
    names = [one.name for one in sql_client(azure).databases.list_by_server("rg", "one")]
    assert len(names) == 2001
    assert time.process_time() - started < 3.0, "CPU seconds, several times what it takes"


def test_reads_lag_behind_writes_when_asked_to():
    azure = Azure(real=lambda: 0.0, stale_seconds=5)
    server = a_server(azure)
    azure.clock.advance(timedelta(seconds=6))
    begin_database(azure, f"{server}/databases/d1")
    assert ask(azure, "GET", f"{server}/databases/d1").status == 404
    assert b'"d1"' not in ask(azure, "GET", f"{server}/databases").body
    azure.clock.advance(timedelta(seconds=6))
    assert ask(azure, "GET", f"{server}/databases/d1").status == 200
    assert whole_id(azure, f"{server}/databases/d1").encode() in ask(azure, "GET", f"{server}/databases").body

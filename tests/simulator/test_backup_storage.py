"""A database's backups move to another storage: a small one's at once, a large one's within two days."""

from __future__ import annotations

from datetime import timedelta

import orjson

from simulator.azure import Azure
from tests.simulator.builders import a_database, a_server, ask, settle
from tests.simulator.test_links import code
from tests.simulator.test_pool_changes import holding


def asked(azure: Azure, database: str, storage: str) -> int:
    answer = ask(azure, "PATCH", database, {"properties": {"requestedBackupStorageRedundancy": storage}})
    settle(azure)
    return answer.status


def storages(azure: Azure, database: str) -> tuple[str, str]:
    """What was asked for, and what is true."""
    properties = orjson.loads(ask(azure, "GET", database).body)["properties"]
    return properties["requestedBackupStorageRedundancy"], properties["currentBackupStorageRedundancy"]


def test_a_small_database_s_change_is_true_when_its_operation_ends(azure):
    database = a_database(azure, a_server(azure))
    assert asked(azure, database, "Zone") == 202
    assert storages(azure, database) == ("Zone", "Zone")


def test_a_large_database_s_backups_move_for_hours(azure):
    database = a_database(azure, a_server(azure))
    holding(azure, database, 30)
    assert asked(azure, database, "Local") == 202
    assert storages(azure, database) == ("Local", "Geo")
    refused = ask(azure, "PATCH", database, {"properties": {"requestedBackupStorageRedundancy": "Zone"}})
    assert code(refused) == (409, "ConflictRequestToUpdateBackupRedundancy")
    assert ask(azure, "PATCH", database, {"tags": {"a": "b"}}).status == 202
    settle(azure)
    assert storages(azure, database) == ("Local", "Geo")
    azure.clock.advance(timedelta(hours=48))
    assert storages(azure, database) == ("Local", "Local")
    assert asked(azure, database, "Zone") == 202


def test_nothing_moves_where_the_storage_stays(azure):
    database = a_database(azure, a_server(azure))
    holding(azure, database, 30)
    assert asked(azure, database, "Geo") == 202
    assert storages(azure, database) == ("Geo", "Geo")

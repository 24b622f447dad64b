"""A pool is emptied and removed, and a database moved, by buttons that have to be confirmed."""

from __future__ import annotations

from typing import Any

from django.test import Client

from controlplane.console.display import page_address
from inventory.models import ElasticPool
from operations.models import Operation
from tests.builders import a_pool
from tests.fleets import Fleet


def press(client: Client, row: Any, button: str, confirm: str = "") -> int:
    sent = {"reason": "as agreed on the phone", "confirm": confirm}
    return client.post(page_address(type(row), "press", row.pk, button), sent).status_code


def test_a_pool_is_drained_only_when_its_name_was_typed(console: Client, fleet: Fleet) -> None:
    pool = fleet.databases[2].pool
    press(console, pool, "drain", "something else")
    assert not Operation.objects.filter(kind="drain_pool").exists()
    press(console, pool, "drain", pool.azure_name)
    drain = Operation.objects.get(kind="drain_pool")
    assert (drain.target_key, drain.actor) == (pool.key, "operator:alice")


def test_an_empty_pool_is_removed(console: Client, fleet: Fleet) -> None:
    pool: ElasticPool = a_pool(fleet.databases[0].pool.server)
    press(console, pool, "delete", pool.azure_name)
    assert Operation.objects.get(kind="delete_pool").target_key == pool.key


def test_a_database_moves_to_another_pool_of_its_server(console: Client, fleet: Fleet) -> None:
    database = fleet.databases[2]
    press(console, database, "move", database.azure_name)
    assert Operation.objects.get(kind="move_database").target_key == database.key

"""An operator moves a database to another server: the choice, the plan, and that plan applied."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from controlplane.console.display import page_address
from inventory.models import Database, SqlServer
from operations.models import AuditEvent, Operation
from tests.builders import TIB, a_pool, a_region, a_server
from tests.fleets import Fleet


@pytest.fixture
def other(fleet: Fleet) -> SqlServer:
    """A ready server with a pool, beside that of the fleet's third database."""
    here = fleet.databases[2].server
    server = a_server(here.region, subscription=here.subscription, status="ready")
    a_pool(server, max_size_bytes=2 * TIB)
    return server


def page_of(database: Database) -> str:
    return reverse("console:inventory_database_rehome", args=[database.pk])


def hash_in(page: str) -> str:
    found = re.search(r'name="hash" value="([0-9a-f]{64})"', page)
    assert found is not None, page
    return found[1]


def apply(console: Client, database: Database, place: str, **sent: str) -> str:
    """What the operator is told, on whichever page comes next."""
    body = {"place": place, "reason": "It is retired.", "confirm": database.azure_name, **sent}
    return console.post(page_of(database), body, follow=True).content.decode()


def test_the_page_of_a_database_leads_there(console: Client, fleet: Fleet, other: SqlServer) -> None:
    database = fleet.databases[2]
    assert page_of(database) in console.get(page_address(Database, "change", database.pk)).content.decode()
    page = console.get(page_of(database)).content.decode()
    assert f"{other}: wherever it fits best" in page
    assert f"{other}: pool {other.pools.get()}" in page
    assert str(database.server) not in page


def test_the_plan_is_shown_and_nothing_has_changed(console: Client, fleet: Fleet, other: SqlServer) -> None:
    page = console.get(page_of(fleet.databases[2]), {"place": str(other.pk)}).content.decode()
    for part in ("2 times, up to 60 seconds each", "The endpoint changes", "rehome database", "Apply this plan"):
        assert part in page, part
    assert not Operation.objects.filter(kind="rehome_database").exists()


def test_the_plan_that_was_seen_is_applied(console: Client, fleet: Fleet, other: SqlServer) -> None:
    database, place = fleet.databases[2], f"{other.pk}/{other.pools.get().pk}"
    seen = hash_in(console.get(page_of(database), {"place": place}).content.decode())
    assert f"The database moves to {other}." in apply(console, database, place, hash=seen)
    operation = Operation.objects.get(kind="rehome_database")
    assert (operation.actor, operation.plan_hash, operation.input["to"]) == ("operator:alice", seen, str(other.pk))
    assert operation.input["pool"] == str(other.pools.get().pk)


def test_the_plan_of_one_server_is_no_word_for_another(console: Client, fleet: Fleet, other: SqlServer) -> None:
    database = fleet.databases[2]
    third = a_server(other.region, subscription=other.subscription, status="ready")
    a_pool(third, max_size_bytes=2 * TIB)
    seen = hash_in(console.get(page_of(database), {"place": str(other.pk)}).content.decode())
    assert "The plan is not what it was" in apply(console, database, str(third.pk), hash=seen)
    assert not Operation.objects.filter(kind="rehome_database").exists()


def test_a_plan_that_has_changed_is_shown_anew(console: Client, fleet: Fleet, other: SqlServer) -> None:
    database = fleet.databases[2]
    seen = hash_in(console.get(page_of(database), {"place": str(other.pk)}).content.decode())
    Database.objects.filter(pk=database.pk).update(retention_days=35)
    page = apply(console, database, str(other.pk), hash=seen)
    assert "The plan is not what it was" in page
    assert hash_in(page) != seen
    assert not Operation.objects.filter(kind="rehome_database").exists()
    assert AuditEvent.objects.filter(action="console.rehome_refused", target=database.key).exists()


@pytest.mark.parametrize("sent", [{"confirm": "another"}, {"reason": " "}, {"hash": ""}])
def test_it_has_to_be_confirmed(console: Client, fleet: Fleet, other: SqlServer, sent: dict[str, str]) -> None:
    database = fleet.databases[2]
    seen = hash_in(console.get(page_of(database), {"place": str(other.pk)}).content.decode())
    assert "Nothing was done." in apply(console, database, str(other.pk), **{"hash": seen, **sent})
    assert not Operation.objects.filter(kind="rehome_database").exists()


def test_no_server_of_another_region_or_a_closed_one_is_offered(console: Client, fleet: Fleet) -> None:
    here = fleet.databases[2].server
    far = a_server(a_region("northeurope"), subscription=here.subscription, status="ready")
    closed = a_server(here.region, subscription=here.subscription, status="ready", is_cordoned=True)
    page = console.get(page_of(fleet.databases[2])).content.decode()
    assert str(far) not in page
    assert str(closed) not in page
    assert "Apply this plan" not in console.get(page_of(fleet.databases[2]), {"place": str(far.pk)}).content.decode()


def test_who_may_only_look_is_not_led_there(client: Client, onlooker: User, fleet: Fleet, other: SqlServer) -> None:
    client.force_login(onlooker)
    database = fleet.databases[2]
    assert page_of(database) not in client.get(page_address(Database, "change", database.pk)).content.decode()
    assert client.get(page_of(database)).status_code == 403

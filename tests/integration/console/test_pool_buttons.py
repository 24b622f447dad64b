"""A pool is removed by a button that has to be confirmed; what disturbs is shown as a plan, and that plan is applied."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from controlplane.console.display import page_address
from inventory.models import ElasticPool
from operations.models import Operation
from tests.builders import GIB, a_pool, a_proposal
from tests.fleets import Fleet


def press(client: Client, row: Any, button: str, confirm: str = "") -> int:
    sent = {"reason": "as agreed on the phone", "confirm": confirm}
    return client.post(page_address(type(row), "press", row.pk, button), sent).status_code


def page_of(row: Any, change: str) -> str:
    return page_address(type(row), "plan", row.pk, change)


def shown(client: Client, row: Any, change: str, **chosen: str) -> str:
    return client.get(page_of(row, change), chosen).content.decode()


def apply(client: Client, row: Any, change: str, page: str, **sent: str) -> str:
    """What the operator is told, on whichever page comes next."""
    found = re.search(r'name="hash" value="([0-9a-f]{64})"', page)
    assert found is not None, page
    body = {"hash": found[1], "reason": "as agreed on the phone", **sent}
    return client.post(page_of(row, change), body, follow=True).content.decode()


def test_a_pool_is_drained_as_its_plan_said(console: Client, fleet: Fleet) -> None:
    pool = fleet.databases[2].pool
    page = shown(console, pool, "drain")
    for part in ("What is noticed", "times, up to 30 seconds each", "It takes about", "A month before", "drain pool"):
        assert part in page, part
    assert "Nothing was done" in apply(console, pool, "drain", page, confirm="something else")
    assert not Operation.objects.filter(kind="drain_pool").exists()
    apply(console, pool, "drain", page, confirm=pool.azure_name)
    drain = Operation.objects.get(kind="drain_pool")
    assert (drain.target_key, drain.actor, drain.plan_hash != "") == (pool.key, "operator:alice", True)


def test_an_empty_pool_is_removed(console: Client, fleet: Fleet) -> None:
    pool: ElasticPool = a_pool(fleet.databases[0].pool.server)
    press(console, pool, "delete", pool.azure_name)
    assert Operation.objects.get(kind="delete_pool").target_key == pool.key


def test_a_database_moves_to_another_pool_as_its_plan_said(console: Client, fleet: Fleet) -> None:
    database = fleet.databases[2]
    page = shown(console, database, "move")
    assert "1 times, up to 30 seconds each" in page
    apply(console, database, "move", page, confirm=database.azure_name)
    assert Operation.objects.get(kind="move_database").target_key == database.key


def test_a_plan_that_is_another_by_now_is_not_applied(console: Client, fleet: Fleet) -> None:
    database = fleet.databases[2]
    page = shown(console, database, "move")
    type(database).objects.filter(pk=database.pk).update(retention_days=database.retention_days + 1)
    assert "The plan is not what it was" in apply(console, database, "move", page, confirm=database.azure_name)
    assert not Operation.objects.filter(kind="move_database").exists()


def test_a_change_in_hops_is_chosen_planned_and_applied(console: Client, fleet: Fleet) -> None:
    database = fleet.databases[2]
    assert "Apply this plan" not in shown(console, database, "change")
    page = shown(console, database, "change", zones="yes", backup="Zone")
    for part in ("move_database: GeneralPurpose in a pool, zone redundant", "change database", "minutes"):
        assert part in page, part
    sent = {"zones": "yes", "backup": "Zone", "confirm": database.azure_name}
    assert "hop by hop" in apply(console, database, "change", page, **sent)
    asked = Operation.objects.get(kind="change_database")
    assert sorted(hop["kind"] for hop in asked.input["hops"]) == ["change_backup_storage", "move_database"]


def test_what_it_is_already_has_nothing_to_apply(console: Client, fleet: Fleet) -> None:
    page = shown(console, fleet.databases[2], "change", zones="no")
    assert "It is so already" in page
    assert "Apply this plan" not in page


def test_a_plan_that_is_refused_has_nothing_to_apply(console: Client, fleet: Fleet) -> None:
    page = shown(console, fleet.databases[2], "change", tier="Hyperscale", home="single", zones="yes")
    assert "Apply this plan" not in page
    assert "Databases are kept here as" in page or "ZonalBackupsNeeded" in page


@pytest.mark.parametrize("change", ["move", "change"])
def test_who_may_only_look_is_shown_no_plan(client: Client, onlooker: User, fleet: Fleet, change: str) -> None:
    client.force_login(onlooker)
    assert client.get(page_of(fleet.databases[2], change)).status_code == 403


def test_growth_is_accepted_as_planned(console: Client, fleet: Fleet) -> None:
    database = fleet.databases[2]
    proposal = a_proposal(database, proposed_bytes=database.size_bytes + GIB)
    page = shown(console, proposal, "accept")
    for part in ("Connections drop", "A month after", "grow database"):
        assert part in page, part
    apply(console, proposal, "accept", page, confirm=proposal.name)
    grown = Operation.objects.get(kind="grow_database")
    assert (grown.target_key, grown.plan_hash != "") == (database.key, True)

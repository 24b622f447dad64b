"""A database on its way between pools counts in both until its change ends, is cancelled or fails."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest

from simulator.azure import Azure
from simulator.faults import FaultKind, FaultRule
from tests.simulator.builders import a_database, a_pool, a_server, ask, begin_database, settle, whole_id
from tests.simulator.test_links import code
from tests.simulator.test_pool_changes import GIB, holding

SMALL = {"name": "BC_Gen5", "tier": "BusinessCritical", "family": "Gen5", "capacity": 4}  # of 50 databases at most
ALONE = {"sku": {"name": "S0"}}
FULL = (400, "ElasticPoolInconsistentVcoreGuaranteeSettings")
TOO_MANY = (400, "ElasticPoolDatabaseCountOverLimit")
OVER_STORAGE = (400, "ElasticPoolOverStorageUsage")
NOT_EMPTY = (400, "ElasticPoolNotEmpty")
Ending = Callable[[Azure, str], None]


def pool_of(azure: Azure, database: str) -> str:
    """The name of the pool that a GET shows; empty for a single database."""
    properties = orjson.loads(ask(azure, "GET", database).body)["properties"]
    return str(properties.get("elasticPoolId", "")).rpartition("/")[2]


def listed(azure: Azure, pool: str) -> list[str]:
    return [one["name"] for one in orjson.loads(ask(azure, "GET", f"{pool}/databases").body)["value"]]


def into(azure: Azure, pool: str) -> dict[str, object]:
    return {"properties": {"elasticPoolId": whole_id(azure, pool)}}


def begin(azure: Azure, database: str, change: object, ending: Ending) -> None:
    if ending is fails:
        azure.faults.add(FaultRule(FaultKind.FAILED_OPERATION, method="PATCH", code="InternalServerError"))
    answer = ask(azure, "PATCH", database, change)
    assert answer.status == 202, answer.body


def is_done(azure: Azure, database: str) -> None:
    settle(azure)


def fails(azure: Azure, database: str) -> None:
    settle(azure)


def is_cancelled(azure: Azure, database: str) -> None:
    running = orjson.loads(ask(azure, "GET", f"{database}/operations").body)["value"][-1]["name"]
    assert ask(azure, "POST", f"{database}/operations/{running}/cancel").status == 200
    settle(azure)


ENDINGS = pytest.mark.parametrize("ending", [is_done, is_cancelled, fails])


@ENDINGS
@pytest.mark.parametrize("alone", [True, False])
def test_a_pool_is_deleted_only_after_the_last_database_has_left(azure: Azure, ending: Ending, alone: bool):
    server = a_server(azure)
    old, new = a_pool(azure, server, "a"), a_pool(azure, server, "c")
    database = a_database(azure, server, pool=old)
    begin(azure, database, ALONE if alone else into(azure, new), ending)
    assert code(ask(azure, "DELETE", old)) == NOT_EMPTY
    assert (pool_of(azure, database), listed(azure, old), listed(azure, new)) == ("a", ["d1"], [])
    if not alone:
        assert code(ask(azure, "DELETE", new)) == NOT_EMPTY
    ending(azure, database)
    left = ending is is_done
    assert ask(azure, "DELETE", old).status == (204 if left else 400)
    assert ask(azure, "DELETE", new).status == (400 if left and not alone else 204)
    assert pool_of(azure, database) == ("a" if not left else "" if alone else "c")
    assert ask(azure, "PATCH", database, {"tags": {"still": "well"}}).status == 202


@ENDINGS
def test_a_pool_keeps_what_it_guarantees_to_a_database_on_its_way(azure: Azure, ending: Ending):
    """Two vCores, one for each database: a third fits neither where one leaves nor where one arrives."""
    server = a_server(azure)
    promised = {"minCapacity": 1, "maxCapacity": 2}
    old, new = (a_pool(azure, server, name, capacity=2, perDatabaseSettings=promised) for name in ("a", "c"))
    moving, _ = (a_database(azure, server, name, pool=old) for name in ("m1", "m2"))
    a_database(azure, server, "n1", pool=new)
    begin(azure, moving, into(azure, new), ending)
    assert code(begin_database(azure, f"{server}/databases/m3", old)) == FULL
    assert code(begin_database(azure, f"{server}/databases/n2", new)) == FULL
    ending(azure, moving)
    free, taken = (old, new) if ending is is_done else (new, old)
    assert code(begin_database(azure, f"{server}/databases/x1", taken)) == FULL
    assert begin_database(azure, f"{server}/databases/x2", free).status == 202


@ENDINGS
def test_a_change_of_a_pool_counts_a_database_on_its_way(azure: Azure, ending: Ending):
    server = a_server(azure)
    old, new = (a_pool(azure, server, name, capacity=2) for name in ("a", "c"))
    moving = a_database(azure, server, "m1", pool=old)
    a_database(azure, server, "m2", pool=old)
    a_database(azure, server, "n1", pool=new)
    begin(azure, moving, into(azure, new), ending)
    promise = {"properties": {"perDatabaseSettings": {"minCapacity": 2, "maxCapacity": 2}}}
    assert code(ask(azure, "PATCH", old, promise)) == FULL
    assert code(ask(azure, "PATCH", new, promise)) == FULL
    ending(azure, moving)
    free, taken = (old, new) if ending is is_done else (new, old)
    assert code(ask(azure, "PATCH", taken, promise)) == FULL
    assert ask(azure, "PATCH", free, promise).status == 202


@ENDINGS
def test_no_pool_takes_more_databases_than_it_may_while_one_is_on_its_way(azure: Azure, ending: Ending):
    azure.arm.throttle.enabled = False
    server = a_server(azure)
    old, new = (f"{server}/elasticPools/{name}" for name in ("a", "c"))
    for pool, count in ((old, 50), (new, 49)):
        assert ask(azure, "PUT", pool, {"location": "eastus", "sku": SMALL}).status == 202
        settle(azure)
        for number in range(count):
            assert begin_database(azure, f"{server}/databases/{pool[-1]}{number}", pool).status == 202
    settle(azure)
    moving = f"{server}/databases/a0"
    begin(azure, moving, into(azure, new), ending)
    assert code(begin_database(azure, f"{server}/databases/x1", old)) == TOO_MANY
    assert code(begin_database(azure, f"{server}/databases/x2", new)) == TOO_MANY
    ending(azure, moving)
    free, taken = (old, new) if ending is is_done else (new, old)
    assert code(begin_database(azure, f"{server}/databases/x3", taken)) == TOO_MANY
    assert begin_database(azure, f"{server}/databases/x4", free).status == 202


@ENDINGS
def test_the_bytes_of_a_database_that_leaves_stay_until_it_has_left(azure: Azure, ending: Ending):
    server = a_server(azure)
    pool = a_pool(azure, server, maxSizeBytes=10 * GIB)
    moving, other = a_database(azure, server, "d1", pool=pool), a_database(azure, server, "d2")
    for database in (moving, other):
        holding(azure, database, 6)
    begin(azure, moving, ALONE, ending)
    azure.arm.pool_storage.clear()
    assert code(ask(azure, "PATCH", other, into(azure, pool))) == OVER_STORAGE
    ending(azure, moving)
    azure.arm.pool_storage.clear()
    answer = ask(azure, "PATCH", other, into(azure, pool))
    assert answer.status == 202 if ending is is_done else code(answer) == OVER_STORAGE

"""The seeded workload: deterministic, with rhythms, within the limits of databases and pools, quick."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import numpy as np
import orjson
import pytest

from simulator.azure import Azure
from simulator.http import Request
from simulator.loads import Loads, loads_of
from simulator.workload import DAY, character_of, stored_bytes, wanted_vcores
from tests.simulator.builders import a_database, a_pool, a_server, ask, settle, whole_id

MONDAY = 20_458 * DAY  # 2026-01-05, in minutes since the epoch
WEEKS = np.arange(MONDAY, MONDAY + 14 * DAY)
MANY = [character_of(7, f"database-{number}") for number in range(300)]


def vcores(character, minutes=WEEKS, nominal: float = 2.0, offset: float = 0.0):
    return wanted_vcores(character, nominal_vcores=nominal, utc_offset_hours=offset, minutes=minutes)


def tell(azure: Azure, **document: object) -> int:
    return azure.handle(Request("POST", "localhost", 8443, "/_sim/workload", {}, {}, orjson.dumps(document))).status


def loads(azure: Azure, *, minutes: int = DAY) -> Loads:
    now = int(azure.clock.now() // 60)
    return Loads(azure.arm.resources, azure.store, seed=azure.seed, minutes=np.arange(now - minutes, now))


def a_pool_with(azure: Azure, count: int, **properties: object) -> tuple[str, list[str]]:
    server = a_server(azure)
    pool = a_pool(azure, server, **properties)
    return pool, [a_database(azure, server, f"d{number}", pool) for number in range(count)]


def test_the_same_seed_and_database_ask_for_the_same_in_any_window():
    whole = vcores(character_of(1, "a"))
    part = vcores(character_of(1, "a"), WEEKS[500:900])
    assert np.array_equal(whole[500:900], part)
    assert not np.array_equal(whole, vcores(character_of(2, "a")))
    assert not np.array_equal(whole, vcores(character_of(1, "b")))


def test_most_databases_work_by_day_and_rest_at_the_weekend():
    calm = [character for character in MANY if not character.unruly]
    total = sum(vcores(character) for character in calm)
    by_hour = total[: 5 * DAY].reshape(5, 24, 60).mean(axis=(0, 2))
    assert 11 <= int(by_hour.argmax()) <= 15
    assert by_hour.max() > 1.5 * by_hour.min()
    assert total[5 * DAY : 7 * DAY].mean() < 0.8 * total[: 5 * DAY].mean()


def test_the_day_follows_the_local_time_of_the_region():
    calm = [character for character in MANY if not character.unruly]
    here, there = (sum(vcores(one, WEEKS[: 5 * DAY], offset=offset) for one in calm) for offset in (0.0, 9.0))
    by_hour = [total.reshape(5, 24, 60).mean(axis=(0, 2)) for total in (here, there)]
    assert (int(by_hour[0].argmax()) - int(by_hour[1].argmax())) % 24 in (8, 9, 10)


def test_a_share_of_databases_misbehaves_for_hours():
    unruly = [character for character in MANY if character.unruly]
    assert 5 <= len(unruly) <= 30
    high = [vcores(character) > 1.0 for character in unruly]
    hours = [int(rows.sum()) / 60 for rows in high]
    assert max(hours) > 4
    calm = np.mean([(vcores(one) > 1.0).mean() for one in MANY if not one.unruly])
    assert calm < 0.01


def test_data_grows_and_never_shrinks():
    days = np.linspace(0, 90, 1000)
    for character in MANY[:50]:
        kept = stored_bytes(character, empty_bytes=4e6, age_days=days)
        assert kept[0] == 4e6
        assert (np.diff(kept) > 0).all()


def test_a_pool_uses_what_its_databases_use(azure):
    pool, databases = a_pool_with(azure, 6, capacity=8)
    azure.clock.advance(timedelta(days=2))
    found = loads(azure)
    usage = found.pool(azure.arm.resources.get(whole_id(azure, pool)))
    members = [found.database(azure.arm.resources.get(whole_id(azure, one))) for one in databases]
    for name in ("vcores", "log_mbps", "storage", "sessions", "workers"):
        assert np.allclose(getattr(usage, name), sum(getattr(one, name) for one in members)), name
    assert 0 < np.nanmean(usage.vcores) < 8


def test_a_full_pool_shares_its_vcores_out_and_ends_at_its_limit(azure):
    pool, databases = a_pool_with(azure, 4, capacity=2)
    for one in databases:
        assert tell(azure, database=whole_id(azure, one), cpu_vcores=1.5) == 201
    azure.clock.advance(timedelta(hours=2))
    found = loads(azure, minutes=60)
    assert np.allclose(found.pool(azure.arm.resources.get(whole_id(azure, pool))).vcores, 2.0)
    assert np.allclose(found.database(azure.arm.resources.get(whole_id(azure, databases[0]))).vcores, 0.5)


def test_a_database_never_gets_more_than_the_per_database_maximum(azure):
    _, databases = a_pool_with(azure, 1, capacity=4, perDatabaseSettings={"minCapacity": 0, "maxCapacity": 1})
    tell(azure, database=whole_id(azure, databases[0]), cpu_vcores=3)
    azure.clock.advance(timedelta(hours=1))
    usage = loads(azure, minutes=30).database(azure.arm.resources.get(whole_id(azure, databases[0])))
    assert np.allclose(usage.vcores, 1.0)
    assert usage.ceiling.vcores == 1.0


def test_a_load_that_was_told_ends_when_told_and_survives_a_restart(tmp_path):
    azure = Azure(tmp_path, real=lambda: 0.0)
    database = whole_id(azure, a_database(azure, a_server(azure)))
    until = (azure.clock.moment() + timedelta(hours=3)).isoformat()
    tell(azure, database=database, cpu_vcores=1.25, storage_gb=10, growth_gb_per_day=24, until=until)
    azure.clock.advance(timedelta(hours=6))
    azure.close()
    again = Azure(tmp_path, real=lambda: 0.0)
    usage = loads(again, minutes=6 * 60).database(again.arm.resources.get(database))
    assert np.allclose(usage.vcores[5:170], 1.25)
    assert not np.isclose(usage.vcores[-30:], 1.25).any()
    assert usage.storage[120] == pytest.approx(12 * 1024**3, rel=0.02)
    again.close()


@pytest.mark.parametrize("document", [{}, {"database": "/nowhere", "cpu_vcores": 1}, {"database": "?", "until": "x"}])
def test_a_load_that_makes_no_sense_is_refused(azure, document):
    assert tell(azure, **document) == 400


def test_a_new_database_adds_nothing_to_the_past_of_its_pool(azure):
    server = a_server(azure)
    pool = a_pool(azure, server)
    azure.clock.advance(timedelta(days=1))
    a_database(azure, server, "late", pool)
    settle(azure)
    usage = loads(azure, minutes=600).pool(azure.arm.resources.get(whole_id(azure, pool)))
    assert usage.vcores[0] == 0.0


def test_a_day_of_fifty_databases_takes_far_less_than_a_second_of_processor_time(azure):
    _, databases = a_pool_with(azure, 50, capacity=8)
    azure.clock.advance(timedelta(days=3))
    resources = [azure.arm.resources.get(whole_id(azure, one)) for one in databases]
    before = time.process_time()
    found = loads(azure)
    assert all(len(found.database(one).vcores) == DAY for one in resources)
    assert time.process_time() - before < 1.0


def test_a_mean_day_is_what_the_level_says():
    day = np.arange(MONDAY, MONDAY + DAY)
    for character in MANY[:50]:
        steady = replace(character, noise=0.0, burst_share=0.0, unruly=False)
        assert vcores(steady, day).mean() == pytest.approx(2.0 * character.level, rel=1e-6)


def test_what_was_kept_of_a_pool_is_given_up_when_anything_in_it_changes(azure):
    server = a_server(azure)
    pool = a_pool(azure, server, capacity=8)
    first = a_database(azure, server, "first", pool)
    azure.clock.advance(timedelta(hours=2))
    minutes = np.arange(int(azure.clock.now() // 60) - 30, int(azure.clock.now() // 60))

    def whole():
        return loads_of(azure.arm, minutes).pool(azure.arm.resources.get(whole_id(azure, pool))).vcores

    alone = whole()
    assert whole() is alone
    tell(azure, database=whole_id(azure, first), storage_gb=3)
    assert whole() is not alone
    a_database(azure, server, "second", pool)
    assert len(azure.arm.resources.children(whole_id(azure, pool), "databases")) == 2
    told = whole()
    assert told is whole()


def test_a_databases_usages_say_what_its_metrics_say(azure):
    server = a_server(azure)
    path = a_database(azure, server)
    azure.clock.advance(timedelta(days=2))
    used = orjson.loads(ask(azure, "GET", f"{path}/usages").body)["value"][0]["properties"]["currentValue"]
    now = int(azure.clock.now() // 60)
    usage = Loads(azure.arm.resources, azure.store, seed=azure.seed, minutes=np.arange(now, now + 1))
    assert used == int(usage.database(azure.arm.resources.get(whole_id(azure, path))).storage[0])
    assert used > 4_259_840

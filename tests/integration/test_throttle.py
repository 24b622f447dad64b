"""The shared rate bucket against a real Valkey."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from cloud.protocols import CallClass
from cloud.throttle import Rate, Rates, vault_budget
from controlplane.throttle import ValkeyBucket

RATES = Rates(writes=Rate(10, 0.001), reads=Rate(100, 0.001))  # so slow that nothing comes back during a test


@pytest.fixture
def subscription() -> str:
    return str(uuid.uuid4())


def test_two_processes_share_one_bucket(broker_url: str, subscription: str):
    one, other = ValkeyBucket(broker_url, rates=RATES), ValkeyBucket(broker_url, rates=RATES)
    taken = [bucket.take(subscription, CallClass.USER, write=True) for _ in range(5) for bucket in (one, other)]
    assert taken == [0.0] * 10
    assert one.take(subscription, CallClass.USER, write=True) > 900
    assert other.take(subscription, CallClass.USER, write=True) > 900


def test_many_at_once_take_no_more_than_there_is(broker_url: str, subscription: str):
    bucket = ValkeyBucket(broker_url, rates=RATES)
    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(lambda _: bucket.take(subscription, CallClass.USER, write=True), range(40)))
    assert waits.count(0.0) == 10


def test_sampling_leaves_a_reserve_to_users(broker_url: str, subscription: str):
    bucket = ValkeyBucket(broker_url, rates=RATES)
    sampled = [bucket.take(subscription, CallClass.SAMPLING, write=True) for _ in range(10)]
    assert sampled.count(0.0) == 4
    assert [bucket.take(subscription, CallClass.USER, write=True) for _ in range(6)] == [0.0] * 6


def test_a_429_closes_the_class_and_less_urgent_ones_for_everyone(broker_url: str, subscription: str):
    one, other = ValkeyBucket(broker_url, rates=RATES), ValkeyBucket(broker_url, rates=RATES)
    one.close(subscription, CallClass.REPAIR, 60)
    one.close(subscription, CallClass.REPAIR, 1)
    assert 50 < other.take(subscription, CallClass.REPAIR, write=False) <= 60
    assert 50 < other.take(subscription, CallClass.SAMPLING, write=False) <= 60
    assert other.take(subscription, CallClass.ROTATION, write=False) == 0


def test_without_valkey_a_small_local_bucket_applies(subscription: str):
    bucket = ValkeyBucket("redis://127.0.0.1:1/0", rates=RATES)
    waits = [bucket.take(subscription, CallClass.USER, write=False) for _ in range(12)]
    assert waits.count(0.0) == 10
    bucket.close(subscription, CallClass.USER, 60)
    assert bucket.take(subscription, CallClass.USER, write=True) > 50


def test_valkey_is_used_again_when_it_is_back(broker_url: str, subscription: str):
    time = [0.0]
    bucket = ValkeyBucket(broker_url, rates=RATES, now=lambda: time[0])
    bucket._away_until = 5.0
    bucket.take(subscription, CallClass.USER, write=True)
    assert redis.Redis.from_url(broker_url).keys(f"*{subscription}*") == []
    time[0] = 6.0
    bucket.take(subscription, CallClass.USER, write=True)
    assert redis.Redis.from_url(broker_url).keys(f"*{subscription}*") != []


def test_all_workers_share_what_a_vault_gives(broker_url: str, subscription: str):
    budgets = [vault_budget(lambda rates: ValkeyBucket(broker_url, rates=rates), scale=0.1) for _ in range(2)]
    vault = f"https://{subscription}.vault.azure.net"
    waits = [budget.take(vault, subscription, CallClass.USER, write=True) for _ in range(6) for budget in budgets]
    assert waits[:6] == [0.0] * 6  # a tenth of 60 at once
    assert max(waits[6:]) > 0

from __future__ import annotations

import pytest

from cloud.protocols import CallClass
from cloud.throttle import VAULT_RATES, LocalBucket, Rate, Rates, vault_budget

SUBSCRIPTION = "s-1"


class Watch:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def a_bucket(watch: Watch, *, capacity: float = 10) -> LocalBucket:
    return LocalBucket(Rates(writes=Rate(capacity, 1), reads=Rate(100, 10)), now=watch)


def test_calls_go_until_the_bucket_is_empty():
    bucket = a_bucket(Watch())
    assert [bucket.take(SUBSCRIPTION, CallClass.USER, write=True) for _ in range(10)] == [0.0] * 10
    assert bucket.take(SUBSCRIPTION, CallClass.USER, write=True) == 1.0


def test_the_bucket_fills_again_with_time():
    watch = Watch()
    bucket = a_bucket(watch)
    for _ in range(10):
        bucket.take(SUBSCRIPTION, CallClass.USER, write=True)
    watch.time += 1
    assert bucket.take(SUBSCRIPTION, CallClass.USER, write=True) == 0.0


def test_less_urgent_work_leaves_a_reserve_to_users():
    bucket = a_bucket(Watch())
    while bucket.take(SUBSCRIPTION, CallClass.SAMPLING, write=True) == 0:
        pass
    assert [bucket.take(SUBSCRIPTION, CallClass.USER, write=True) for _ in range(6)] == [0.0] * 6


def test_reads_writes_and_subscriptions_have_buckets_of_their_own():
    bucket = a_bucket(Watch(), capacity=1)
    bucket.take(SUBSCRIPTION, CallClass.USER, write=True)
    assert bucket.take(SUBSCRIPTION, CallClass.USER, write=True) > 0
    assert bucket.take(SUBSCRIPTION, CallClass.USER, write=False) == 0
    assert bucket.take("s-2", CallClass.USER, write=True) == 0


@pytest.mark.parametrize(("call_class", "waits"), [(CallClass.USER, False), (CallClass.REPAIR, True),
                                                   (CallClass.SAMPLING, True)])  # fmt: skip
def test_a_closed_class_closes_the_less_urgent_ones(call_class: CallClass, waits: bool):
    watch = Watch()
    bucket = a_bucket(watch)
    bucket.close(SUBSCRIPTION, CallClass.REPAIR, 30)
    assert (bucket.take(SUBSCRIPTION, call_class, write=True) == 30) is waits
    watch.time += 31
    assert bucket.take(SUBSCRIPTION, call_class, write=True) == 0


def test_a_shorter_closing_does_not_shorten_a_longer_one():
    bucket = a_bucket(Watch())
    bucket.close(SUBSCRIPTION, CallClass.USER, 30)
    bucket.close(SUBSCRIPTION, CallClass.USER, 3)
    assert bucket.take(SUBSCRIPTION, CallClass.USER, write=True) == 30


@pytest.mark.parametrize(("write", "most"), [(True, 300), (False, 4_000)])
def test_no_ten_seconds_see_more_calls_than_key_vault_allows(write: bool, most: int):
    watch = Watch()
    budget = vault_budget(lambda rates: LocalBucket(rates, now=watch))
    passed: list[float] = []
    for _ in range(300):
        while budget.take("https://v", SUBSCRIPTION, CallClass.USER, write=write) == 0:
            passed.append(watch.time)
        watch.time += 0.1
    windows = [sum(start <= one < start + 10 for one in passed) for start in sorted(set(passed))]
    assert max(windows) <= most
    assert len(passed) > 2.4 * VAULT_RATES.of(write=write).per_second * 10  # and it is not idle either


def test_a_sixth_vault_finds_the_subscription_used_up():
    budget = vault_budget(lambda rates: LocalBucket(rates, now=Watch()))
    for vault in range(5):
        while budget.take(f"https://v{vault}", SUBSCRIPTION, CallClass.USER, write=True) == 0:
            pass
    assert budget.take("https://v6", SUBSCRIPTION, CallClass.USER, write=True) > 0
    assert budget.take("https://v6", "s-2", CallClass.USER, write=True) == 0

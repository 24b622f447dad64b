"""Packing from scratch: every item in a bin that holds it, a bound that holds, an answer in time."""

from __future__ import annotations

import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement.engine.packing.pack import NOWHERE, pack
from placement.engine.packing.spread import first_fit_falling, spread

ITEMS = st.lists(st.lists(st.integers(1, 10), min_size=2, max_size=2), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None)
@given(items=ITEMS)
def test_small_packings_are_optimal_and_proven(items: list[list[int]]):
    sizes = np.array(items, dtype=np.float64)
    found = pack(sizes, np.array([10.0, 10.0]), seconds=20.0, clock=time.process_time)
    used = np.zeros((found.count, 2))
    np.add.at(used, found.bins, sizes)
    assert (used <= 10).all()
    assert found.bound <= fewest(sizes, 10) <= found.count
    assert found.count == fewest(sizes, 10)


def fewest(sizes: np.ndarray, capacity: int) -> int:
    """By trying everything."""
    for bins in range(1, len(sizes) + 1):
        for chosen in product(range(bins), repeat=len(sizes)):
            used = np.zeros((bins, sizes.shape[1]))
            np.add.at(used, list(chosen), sizes)
            if (used <= capacity).all():
                return bins
    raise AssertionError("an item is larger than a bin")


def test_triples_that_fill_bins_exactly_are_found():
    random = np.random.default_rng(3)
    first = random.integers(26, 40, (12, 3))
    second = random.integers(26, 40, (12, 3))
    sizes = np.vstack((first, second, 100 - first - second)).astype(np.float64)
    found = pack(sizes, np.full(3, 100.0), seconds=20.0, clock=time.process_time)
    assert (found.count, found.bound) == (12, 12)
    assert found.reason == "proven to be the fewest"


def test_time_that_is_up_still_gives_a_packing():
    sizes = np.random.default_rng(1).integers(5, 60, (400, 4)).astype(np.float64)
    found = pack(sizes, np.full(4, 100.0), seconds=0.0)
    used = np.zeros((found.count, 4))
    np.add.at(used, found.bins, sizes)
    assert (used <= 100).all()
    assert found.bound <= found.count


@pytest.mark.parametrize(
    ("items", "bins", "reason"),
    [
        ([], [], "there are no items"),
        ([[11]], [NOWHERE], "no item fits a bin"),
        ([[4], [11]], [0, NOWHERE], "some items fit no bin"),
    ],
)
def test_empty_and_impossible_get_an_answer_with_a_reason(items, bins, reason):
    found = pack(np.array(items, dtype=np.float64).reshape(-1, 1), np.array([10.0]), seconds=1.0)
    assert (found.bins.tolist(), found.reason) == (bins, reason)


def test_twenty_thousand_spread_over_fewer_pools_than_first_fit_needs():
    random = np.random.default_rng(2)
    shares = np.minimum(random.lognormal(-5.0, 1.0, (20_000, 5)), 0.37)
    found = spread(shares)
    used = np.zeros((found.pools, 5))
    np.add.at(used, found.pool, shares)
    assert used.max() <= 1 + 1e-6
    order = np.argsort(-shares.max(axis=1), kind="stable")
    assert found.bound <= found.pools <= int(first_fit_falling(shares, order).max()) + 1


def test_half_and_more_of_a_pool_each_need_a_pool_each():
    assert spread(np.full((7, 2), 0.6)).pools == 7


def test_nothing_needs_no_pool_and_too_much_is_refused():
    assert spread(np.zeros((0, 2))).pools == 0
    with pytest.raises(ValueError, match="more than a whole pool"):
        spread(np.array([[1.5]]))

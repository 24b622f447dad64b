"""Whether a pool has the right size."""

from __future__ import annotations

from dataclasses import replace

import pytest

from placement.engine.catalogue import sizes_of
from placement.engine.policy import GIBIBYTE, Policy
from placement.engine.pool_size import Advice, Condition, Habits, Step, advised

SIZES = sizes_of("GeneralPurpose", "Gen5")
QUIET = Condition(
    vcores=16,
    need=3.0,
    most=3.5,
    promised_vcores=4.0,
    promised_bytes=500 * GIBIBYTE,
    databases=10,
    largest=1.0,
    quiet_days=20,
)


def advice(**changes: object) -> Advice | None:
    return advised(replace(QUIET, **changes), SIZES, Policy(), Habits())


def test_a_pool_that_is_pressed_gets_the_smallest_size_that_holds_its_need():
    found = advice(vcores=8, need=8.1, is_pressed=True)
    assert found is not None
    assert (found.step, found.size.vcores) == (Step.GROW, 12), "10 vCores less a fifth are 8"
    assert "8.10" in found.reason
    assert "6.40" in found.reason


def test_above_its_level_but_not_pressed_it_stays():
    assert advice(vcores=8, need=7.0, most=7.0) is None


def test_beyond_all_sizes_it_gets_the_largest_and_there_nothing_more():
    assert advice(vcores=8, need=500, is_pressed=True).size == SIZES[-1]
    assert advice(vcores=SIZES[-1].vcores, need=500, is_pressed=True) is None


def test_after_a_long_quiet_it_shrinks_to_what_still_leaves_room():
    found = advice()
    assert (found.step, found.size.vcores) == (Step.SHRINK, 8)


@pytest.mark.parametrize(
    "changes",
    [
        {"quiet_days": 13.9},
        {"most": None},
        {"most": 12.0},
        {"need": 12.0},
        {"promised_vcores": 15.0},
        {"promised_bytes": 4000 * GIBIBYTE},
        {"databases": 501},
        {"largest": 15.0},
        {"vcores": 8},
    ],
)
def test_it_does_not_shrink_while_anything_speaks_against_it(changes: dict[str, object]):
    assert advice(**changes) is None


def test_what_has_shrunk_would_not_grow_again_by_the_same_need():
    found = advice(vcores=24, need=9.0, most=9.0)
    assert found.size.vcores == 16
    assert advice(vcores=16, need=9.0, most=9.0) is None


def test_an_empty_pool_goes_after_a_week():
    assert advice(databases=0, quiet_days=6.9) is None
    found = advice(databases=0, quiet_days=7.1)
    assert (found.step, found.size) == (Step.DELETE, None)

"""Two faults in one change of a customer's key, drawn by seed: `make soak-pairs`, with SEEDS= and FROM=."""

from __future__ import annotations

import os

import pytest

from tests.crash.faults import FAULTS
from tests.crash.keys import KEYS, KeyGround
from tests.crash.pairs import struck_twice
from tests.crash.test_keys import directory, ground, prepared, rare_looks

__all__ = ["directory", "ground", "prepared", "rare_looks"]
FIRST, SEEDS = int(os.environ.get("FROM", "0")), int(os.environ.get("SEEDS", "200"))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_a_change_of_a_key_ends_well_through_two_faults(ground: KeyGround, seed: int) -> None:
    assert struck_twice(ground, seed, KEYS, FAULTS) == ""

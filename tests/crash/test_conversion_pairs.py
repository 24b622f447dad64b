"""Two faults in one conversion, drawn by seed: `make soak-pairs`, with SEEDS= how many and FROM= the first."""

from __future__ import annotations

import os

import pytest

from tests.crash.conversions import CONVERSIONS, ConversionGround
from tests.crash.faults import FAULTS
from tests.crash.pairs import struck_twice
from tests.crash.test_conversions import ground, prepared

__all__ = ["ground", "prepared"]
FIRST, SEEDS = int(os.environ.get("FROM", "0")), int(os.environ.get("SEEDS", "200"))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_a_conversion_ends_well_through_two_faults(ground: ConversionGround, seed: int) -> None:
    assert struck_twice(ground, seed, CONVERSIONS, FAULTS) == ""

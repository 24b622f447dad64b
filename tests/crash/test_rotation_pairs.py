"""Two faults in one rotation, drawn by seed: `make soak-pairs` runs these alone, with SEEDS= how many and FROM= the first."""

from __future__ import annotations

import os

import pytest

from tests.crash.pairs import struck_twice
from tests.crash.rotation_ground import RotationGround
from tests.crash.test_rotation import ground, prepared

__all__ = ["ground", "prepared"]
FIRST, SEEDS = int(os.environ.get("FROM", "0")), int(os.environ.get("SEEDS", "200"))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_a_credential_works_through_two_faults(ground: RotationGround, seed: int) -> None:
    assert struck_twice(ground, seed) == ""

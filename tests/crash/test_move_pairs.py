"""Two faults in one move, to another pool or server or by hops, drawn by seed; its owner may change his mind too: `make
soak-pairs`, with SEEDS= and FROM=."""

from __future__ import annotations

import os

import pytest

from tests.crash.change_ground import ChangeGround
from tests.crash.changes import MOVES
from tests.crash.faults import FAULTS
from tests.crash.pairs import struck_twice
from tests.crash.test_changes import ground, prepared

__all__ = ["ground", "prepared"]
FIRST, SEEDS = int(os.environ.get("FROM", "0")), int(os.environ.get("SEEDS", "200"))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_a_move_ends_well_through_two_faults(ground: ChangeGround, seed: int) -> None:
    assert struck_twice(ground, seed, MOVES, FAULTS) == ""

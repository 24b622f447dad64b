"""Two faults in one growth, move or change of a pool, drawn by seed: `make soak-pairs`, with SEEDS= and FROM=."""

from __future__ import annotations

import os

import pytest

from tests.crash.change_ground import ChangeGround
from tests.crash.changes import CHANGES
from tests.crash.faults import FAULTS
from tests.crash.pairs import struck_twice
from tests.crash.test_changes import ground, prepared

__all__ = ["ground", "prepared"]
FIRST, SEEDS = int(os.environ.get("FROM", "0")), int(os.environ.get("SEEDS", "200"))
SAME_END = [fault for fault in FAULTS if not fault.ends_otherwise]


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_a_change_ends_as_ever_through_two_faults(ground: ChangeGround, seed: int) -> None:
    assert struck_twice(ground, seed, CHANGES, SAME_END) == ""

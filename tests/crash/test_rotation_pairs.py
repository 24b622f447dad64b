"""Two faults in one rotation, drawn by seed: `make soak-pairs`, with SEEDS= how many and FROM= the first."""

from __future__ import annotations

import os
import random

import pytest

from tests.crash.faults import Fault
from tests.crash.flows import Flow
from tests.crash.hits import Hit, Tripwire
from tests.crash.rotation_ground import RotationGround, TwoWires, rotation_hits
from tests.crash.rotations import ROTATION_FAULTS, ROTATIONS
from tests.crash.test_rotation import ground, prepared

__all__ = ["ground", "prepared"]
FIRST, SEEDS = int(os.environ.get("FROM", "0")), int(os.environ.get("SEEDS", "200"))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_a_credential_works_through_two_faults(ground: RotationGround, seed: int) -> None:
    dice = random.Random(seed)
    flow = dice.choice(ROTATIONS)
    drawn = [a_case(ground, flow, dice) for _ in range(2)]
    wires = TwoWires(*((Tripwire(target=hit), fault) for fault, hit in drawn))
    found = list(ground.drill(flow, wires, landed_late=any(fault.lands_late for fault, _ in drawn)))
    assert found == [], f"{flow}: " + ", then ".join(f"{fault} at {hit}" for fault, hit in drawn)


def a_case(ground: RotationGround, flow: Flow, dice: random.Random) -> tuple[Fault, Hit]:
    """A fault at a place that it fits."""
    fault = dice.choice([one for one in ROTATION_FAULTS if any(map(one.fits, rotation_hits(ground, flow)))])
    return fault, dice.choice([hit for hit in rotation_hits(ground, flow) if fault.fits(hit)])

"""Two faults in one conversion, drawn by seed: `make soak-pairs`, with SEEDS= how many and FROM= the first."""

from __future__ import annotations

import os
import random

import pytest

from tests.crash.conversions import CONVERSIONS, ConversionGround
from tests.crash.faults import FAULTS, Fault
from tests.crash.flows import Flow
from tests.crash.ground import TwoWires
from tests.crash.hits import Hit, Tripwire
from tests.crash.test_conversions import ground, prepared

__all__ = ["ground", "prepared"]
FIRST, SEEDS = int(os.environ.get("FROM", "0")), int(os.environ.get("SEEDS", "200"))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_a_conversion_ends_well_through_two_faults(ground: ConversionGround, seed: int) -> None:
    dice = random.Random(seed)
    flow = dice.choice(CONVERSIONS)
    drawn = [a_case(ground, flow, dice) for _ in range(2)]
    wires = TwoWires(*((Tripwire(target=hit), fault) for fault, hit in drawn))
    found = list(ground.drill(flow, wires, landed_late=any(fault.lands_late for fault, _ in drawn)))
    assert found == [], f"{flow}: " + ", then ".join(f"{fault} at {hit}" for fault, hit in drawn)


def a_case(ground: ConversionGround, flow: Flow, dice: random.Random) -> tuple[Fault, Hit]:
    """A fault at a place that it fits."""
    hits = ground.faultless(flow)[0]
    fault = dice.choice([one for one in FAULTS if any(map(one.fits, hits))])
    return fault, dice.choice([hit for hit in hits if fault.fits(hit)])

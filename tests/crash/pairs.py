"""Two faults in one run, drawn by seed."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path

from django.test import override_settings

from tests import databases
from tests.crash.change_ground import ChangeGround
from tests.crash.changes import MOVES
from tests.crash.conversions import CONVERSIONS, ConversionGround
from tests.crash.faults import FAULTS, Fault
from tests.crash.flows import Flow
from tests.crash.ground import Ground, TwoWires
from tests.crash.hits import Hit, Tripwire
from tests.crash.matrix import places_of
from tests.crash.rotation_ground import RotationGround
from tests.crash.rotations import ROTATION_FAULTS, ROTATIONS

# Nothing overlaps: the old user is taken away at the first moment at which that is allowed.
HASTE = {
    "OBSERVE_WAITING_SECONDS": 45.0,
    "CREDENTIAL_OVERLAP_SECONDS": 0,
    "CREDENTIAL_DRAIN_SECONDS": 0,
    "SIGNING_OVERLAP_SECONDS": 0,
}


class Pairs:
    """The prepared worlds in `directory`, which is theirs alone, struck twice a seed; so is the database. One seed strikes a
    rotation, the next a conversion, the one after that a move."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._kinds: tuple[tuple[Ground, Sequence[Flow], Sequence[Fault]], ...] = (
            (RotationGround(directory), ROTATIONS, ROTATION_FAULTS),
            (ConversionGround(directory), CONVERSIONS, FAULTS),
            (ChangeGround(directory), MOVES, FAULTS),
        )

    def failure_of(self, seed: int) -> str:
        """What was wrong at the end of this seed; empty when all of it held."""
        ground, flows, faults = self._kinds[seed % len(self._kinds)]
        databases.empty_connected()
        with override_settings(**HASTE):
            try:
                return struck_twice(ground, seed, flows, faults)
            except Exception as error:
                return f"{type(error).__name__}: {error}"
            finally:
                for case in self._directory.iterdir():
                    shutil.rmtree(case)


def struck_twice(
    ground: Ground, seed: int, flows: Sequence[Flow] = ROTATIONS, faults: Sequence[Fault] = ROTATION_FAULTS
) -> str:
    """Run the seed's flow with its two faults. Returns what was wrong, or nothing."""
    dice = random.Random(seed)
    flow = dice.choice(flows)
    drawn = _two_cases(ground, flow, faults, dice)
    wires = TwoWires(*((Tripwire(target=hit), fault) for fault, hit in drawn))
    found = list(ground.drill(flow, wires, landed_late=any(fault.lands_late for fault, _ in drawn)))
    told = ", then ".join(f"{fault} at {hit}" for fault, hit in drawn)
    return f"{flow}: {told}: " + "; ".join(found) if found else ""


def _two_cases(ground: Ground, flow: Flow, faults: Sequence[Fault], dice: random.Random) -> list[tuple[Fault, Hit]]:
    """Two faults at two places: of two refusals at one place, the second would meet somebody else's next call."""
    first, second = (_a_case(ground, flow, faults, dice) for _ in range(2))
    while second[1] == first[1]:
        second = _a_case(ground, flow, faults, dice)
    return [first, second]


def _a_case(ground: Ground, flow: Flow, faults: Sequence[Fault], dice: random.Random) -> tuple[Fault, Hit]:
    """A fault at a place that it fits."""
    places = places_of(ground, flow)
    fault = dice.choice([one for one in faults if any(map(one.fits, places))])
    return fault, dice.choice([hit for hit in places if fault.fits(hit)])

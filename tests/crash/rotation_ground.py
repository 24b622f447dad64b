"""The prepared worlds, with a consumer who looks at the credential all the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.crash.ground import Ground
from tests.crash.judging import Rows
from tests.crash.rotations import Witness, rotation_faults
from tests.crash.world import World


class RotationGround(Ground):
    """The prepared worlds, judged by what must hold of credentials: how an operation ends is nobody's business."""

    def witness(self, world: World) -> Witness:
        return Witness(world)

    def judge(self, world: World, *, landed_late: bool) -> Iterator[str]:
        return rotation_faults(world, landed_late=landed_late)

    def judge_end(self, faults: Sequence[str], expected: Rows | None) -> Iterator[str]:
        return iter(())

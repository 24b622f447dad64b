"""The prepared worlds, with a consumer of what is being restored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from operations.models import Operation
from tests.crash import judging
from tests.crash.ground import Ground
from tests.crash.restores import Consumer, as_before, restore_faults
from tests.crash.world import World


class RestoreGround(Ground):
    """The prepared worlds, judged by what must hold of restores as well."""

    def witness(self, world: World) -> Consumer:
        return Consumer(world)

    def judge(self, world: World, *, landed_late: bool) -> Iterator[str]:
        return restore_faults(world, landed_late=landed_late)

    def judge_end(self, faults: Sequence[str], expected: judging.Rows | None) -> Iterator[str]:
        followed = Operation.objects.get(kind="restore_database")
        if "delete" in faults:
            yield from judging.is_gone(followed)
        elif "cancel" in faults and expected is not None:
            yield from as_before(followed, expected)
        elif expected is not None:
            yield from judging.differences(expected, judging.rows())

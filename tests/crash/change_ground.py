"""The prepared worlds, with a consumer who signs in all the time, judged by what must hold of changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from operations.models import Operation
from tests.crash import judging
from tests.crash.changes import as_before, changed_in_azure, is_gone
from tests.crash.ground import Ground
from tests.crash.restores import Consumer
from tests.crash.world import World

KINDS = (
    "grow_database",
    "move_database",
    "rehome_database",
    "change_database",
    "resize_pool",
    "drain_pool",
    "delete_pool",
)


class ChangeGround(Ground):
    """Runs of changes with no fault, one or two."""

    def witness(self, world: World) -> Consumer:
        return Consumer(world)

    def judge(self, world: World, *, landed_late: bool) -> Iterator[str]:
        return changed_in_azure(world)

    def judge_end(self, faults: Sequence[str], expected: judging.Rows | None) -> Iterator[str]:
        followed = Operation.objects.filter(kind__in=KINDS, parent=None).latest("created_at")
        if "delete" in faults:
            yield from is_gone(followed)
        elif "cancel" in faults and expected is not None:
            yield from as_before(followed, expected)
        elif expected is not None:
            yield from judging.differences(expected, judging.rows())

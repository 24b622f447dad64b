"""The prepared worlds, with a consumer who signs in all the time, judged by what must hold of changes."""

from __future__ import annotations

from collections.abc import Iterator

from operations import failpoints
from operations.models import Operation
from tests.crash import judging
from tests.crash.changes import as_before, changed_in_azure, is_gone
from tests.crash.faults import Fault
from tests.crash.flows import Flow
from tests.crash.ground import Ground, complaints
from tests.crash.hits import Tripwire
from tests.crash.restores import Consumer
from tests.crash.rotation_ground import TwoWires, struck_by
from tests.crash.world import World
from tests.local_azure import straight

KINDS = ("grow_database", "move_database", "resize_pool", "drain_pool", "delete_pool")


class ChangeGround(Ground):
    """Runs of changes with no fault, one or two."""

    def drill(
        self,
        flow: Flow,
        wire: Tripwire | TwoWires,
        *,
        landed_late: bool,
        fault: Fault | None = None,
        expected: judging.Rows | None = None,
    ) -> Iterator[str]:
        world = World(self._fresh_directory(), self.snapshot_for(flow), stale_seconds=flow.stale)
        consumer = Consumer(world)
        began: list[Operation] = []
        struck_by(wire, fault, world, began)
        with complaints() as heard:
            try:
                failpoints.listen(wire.point)
                world.local.around = consumer.watch(wire.around)
                world.run(lambda: began.append(flow.begin()))
            finally:
                failpoints.listen(None)
                world.local.around = straight
            yield from judging.faults_found(world, landed_late=landed_late)
        yield from heard
        yield from consumer.failures
        yield from changed_in_azure(world)
        yield from _ending(fault, expected)
        world.close()


def _ending(fault: Fault | None, expected: judging.Rows | None) -> Iterator[str]:
    followed = Operation.objects.filter(kind__in=KINDS, parent=None).latest("created_at")
    if fault is not None and fault.name == "delete":
        yield from is_gone(followed)
    elif expected is not None and fault is not None and fault.name == "cancel":
        yield from as_before(followed, expected)
    elif expected is not None:
        yield from judging.differences(expected, judging.rows())

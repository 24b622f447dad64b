"""The prepared worlds, with a consumer who looks at the credential all the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from operations import failpoints
from operations.models import Operation
from tests.crash import judging
from tests.crash.faults import Fault
from tests.crash.flows import Flow
from tests.crash.ground import Ground, complaints
from tests.crash.hits import Hit, Tripwire
from tests.crash.rotations import Witness, rotation_faults
from tests.crash.world import World
from tests.local_azure import straight


class RotationGround(Ground):
    """The prepared worlds, judged by what must hold of credentials as well."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.looks = 0

    def faultless(self, flow: Flow) -> tuple[list[Hit], judging.Rows]:
        if flow.name not in self._known:
            wire = Tripwire()
            found = list(self.drill(flow, wire, landed_late=False))
            assert not found, found
            self._known[flow.name] = list(wire.seen), judging.rows()
        return self._known[flow.name]

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
        witness = Witness(world)
        began: list[Operation] = []
        struck_by(wire, fault, world, began)
        with complaints() as heard:
            try:
                failpoints.listen(wire.point)
                world.local.around = witness.watch(wire.around)
                world.run(lambda: began.append(flow.begin()))
            finally:
                failpoints.listen(None)
                world.local.around = straight
            yield from judging.faults_found(world, landed_late=landed_late)
        yield from heard
        yield from witness.failures
        yield from rotation_faults(world, landed_late=landed_late)
        self.looks += witness.looks
        world.close()


class TwoWires:
    """Two faults in one run: the second sees what the first lets pass."""

    def __init__(self, *armed: tuple[Tripwire, Fault]) -> None:
        self.armed = armed

    def point(self, name: str) -> None:
        for wire, _ in self.armed:
            wire.point(name)

    def around(self, name: str, call: Callable[[], Any]) -> Any:
        (first, _), (second, _) = self.armed
        return first.around(name, lambda: second.around(name, call))


def struck_by(wire: Tripwire | TwoWires, fault: Fault | None, world: World, began: list[Operation]) -> None:
    """Arm one wire with its fault, or each of two with its own."""
    armed = wire.armed if isinstance(wire, TwoWires) else [(wire, fault)] if fault else []
    for one, what in armed:
        one.strike = partial(_strike, what, world, began)


def _strike(fault: Fault, world: World, began: list[Operation], hit: Hit, call: Callable[[], Any]) -> Any:
    return fault.strike(world, began[0] if began else None, hit, call)


def rotation_hits(ground: RotationGround, flow: Flow) -> list[Hit]:
    """The places of a run without faults at which this flow is struck."""
    return [hit for hit in ground.faultless(flow)[0] if not flow.steps or hit.after in flow.steps]

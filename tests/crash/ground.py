"""Where cases are run: prepared worlds, runs with and without a fault."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from operations import failpoints
from operations.models import Operation
from tests.crash import judging
from tests.crash.faults import Fault
from tests.crash.flows import Flow, empty_world, furnished_world, world_with_cast, world_without_cast
from tests.crash.hits import Hit, Tripwire
from tests.crash.judging import Rows
from tests.crash.world import Snapshot, World
from tests.local_azure import straight

WORLDS: dict[str, tuple[str, Callable[..., Snapshot]]] = {
    "empty": ("", empty_world),
    "furnished": ("empty", furnished_world),
    "with cast": ("furnished", world_with_cast),
    "cast gone": ("with cast", world_without_cast),
}


class Witness(Protocol):
    """Looks on during a run: how often, and what was wrong."""

    looks: int
    failures: list[str]

    def watch(self, around: Callable[..., Any]) -> Callable[..., Any]: ...


class Ground:
    """The prepared worlds of this process, and what a run without faults passes and leaves in each flow.

    Grounds of other flows say who looks on (`witness`) and what else must hold (`judge`, `judge_end`).
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.looks = 0
        self._runs = 0
        self._snapshots: dict[object, Snapshot] = {}
        self._known: dict[str, tuple[list[Hit], Rows]] = {}

    def faultless(self, flow: Flow) -> tuple[list[Hit], Rows]:
        """The hits of a run without faults, in order, and the rows at its end."""
        if flow.name not in self._known:
            wire = Tripwire()
            faults = list(self.drill(flow, wire, landed_late=False))
            assert not faults, faults
            self._known[flow.name] = list(wire.seen), judging.rows()
        return self._known[flow.name]

    def case(self, flow: Flow, fault: Fault, hit: Hit) -> list[str]:
        """What was wrong after this fault at this place."""
        _, expected = self.faultless(flow)
        try:
            wire = Tripwire(target=hit)
            found = list(self.drill(flow, wire, fault=fault, landed_late=fault.lands_late, expected=expected))
        except Exception as error:
            found = [f"{type(error).__name__}: {error}"]
        return found if wire.struck else [*found, "the place was not passed"]

    def drill(
        self, flow: Flow, wire: Wire, *, landed_late: bool, fault: Fault | None = None, expected: Rows | None = None
    ) -> Iterator[str]:
        """Run the flow over this wire, then judge."""
        world = World(self._fresh_directory(), self.snapshot_for(flow), stale_seconds=flow.stale)
        witness = self.witness(world)
        began: list[Operation] = []
        armed = wire.armed if isinstance(wire, TwoWires) else [(wire, fault)] if fault else []
        for one, what in armed:
            one.strike = partial(_strike, what, world, began)
        with complaints() as heard:
            try:
                failpoints.listen(wire.point)
                world.local.around = witness.watch(wire.around) if witness else wire.around
                world.run(lambda: began.append(flow.begin()))
            finally:
                failpoints.listen(None)
                world.local.around = straight
            yield from self.wrong(world, landed_late=landed_late)
        yield from heard
        if witness:
            yield from witness.failures
            self.looks += witness.looks
        yield from self.judge(world, landed_late=landed_late)
        struck = [
            what.name for one, what in armed if one.struck
        ]  # after a cancel, the place of a removal may not be passed
        yield from self.judge_end(struck, expected)
        world.close()

    def witness(self, world: World) -> Witness | None:
        """Who looks on while the flow runs, if anybody does."""
        return None

    def wrong(self, world: World, *, landed_late: bool) -> Iterator[str]:
        """What must never be, whatever happened."""
        yield from judging.faults_found(world, landed_late=landed_late)

    def judge(self, world: World, *, landed_late: bool) -> Iterator[str]:
        """What must hold at the end beside what holds of every flow."""
        return iter(())

    def judge_end(self, faults: Sequence[str], expected: Rows | None) -> Iterator[str]:
        """Whether the end is that of a run without faults, or what a cancel or a deletion may make of it."""
        followed = Operation.objects.filter(kind__endswith="_database").order_by("created_at").last()
        assert followed is not None
        if "cancel" in faults:
            assert expected is not None
            yield from judging.cancelled_or_too_late(followed, expected)
        elif "delete" in faults:
            yield from judging.is_gone(followed)
        elif expected is not None:
            yield from judging.differences(expected, judging.rows())

    def snapshot_for(self, flow: Flow) -> Snapshot:
        """Where the flow begins."""
        world = flow.beside or ("furnished" if flow.furnished else "empty")
        if flow.prepare is None:
            return self._snapshot(world)
        key = (world, flow.prepare)
        if key not in self._snapshots:
            prepared = World(self._fresh_directory(), self._snapshot(world))
            flow.prepare(prepared)
            self._snapshots[key] = prepared.snapshot()
        return self._snapshots[key]

    def _snapshot(self, name: str) -> Snapshot:
        """Each world is made once, from the one before it."""
        if name not in self._snapshots:
            before, make = WORLDS[name]
            grown = [self._snapshot(before)] if before else []
            self._snapshots[name] = make(self._fresh_directory(), *grown)
        return self._snapshots[name]

    def _fresh_directory(self) -> Path:
        self._runs += 1
        return self._directory / str(self._runs)


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


Wire = Tripwire | TwoWires


def _strike(fault: Fault, world: World, began: list[Operation], hit: Hit, call: Callable[[], Any]) -> Any:
    return fault.strike(world, began[0] if began else None, hit, call)


@contextmanager
def complaints() -> Iterator[list[str]]:
    """Bugs that the engine logged; all else that is logged meanwhile is dropped, unformatted."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            event = record.msg if isinstance(record.msg, dict) else {}
            if event.get("event") == "operation.step_crashed":
                error = record.exc_info[1] if record.exc_info else None
                heard.append(f"a step crashed: {event.get('kind')}.{event.get('step')}: {error!r}")

    root = logging.getLogger()
    kept, root.handlers = root.handlers, [Ear()]
    try:
        yield heard
    finally:
        root.handlers = kept

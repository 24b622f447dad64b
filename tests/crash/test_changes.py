"""Strike every place of a growth, a move, and of a pool's changes once: the end is the same, and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from operations import failpoints
from operations.models import Operation
from tests.crash import judging
from tests.crash.changes import CHANGES, as_before, changed_in_azure, is_gone
from tests.crash.faults import FAULTS, Fault
from tests.crash.flows import Flow
from tests.crash.ground import Ground, complaints
from tests.crash.hits import Tripwire
from tests.crash.restores import Consumer
from tests.crash.test_single_faults import hits_of, is_sampled, strike_all
from tests.crash.world import World
from tests.local_azure import straight

PARTS = 3
MATRIX = [
    pytest.param(flow, fault, part, id=f"{flow} - {fault} - {part}")
    for flow in CHANGES
    for fault in FAULTS
    for part in range(PARTS)
]


class ChangeGround(Ground):
    """The prepared worlds, judged by what must hold of changes as well."""

    def drill(
        self,
        flow: Flow,
        wire: Tripwire,
        *,
        landed_late: bool,
        fault: Fault | None = None,
        expected: judging.Rows | None = None,
    ) -> Iterator[str]:
        world = World(self._fresh_directory(), self.snapshot_for(flow), stale_seconds=flow.stale)
        consumer = Consumer(world)
        began: list[Operation] = []
        if fault is not None:
            strike = fault.strike
            wire.strike = lambda hit, call: strike(world, began[0] if began else None, hit, call)
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
        yield from _ending(flow, fault, expected)
        world.close()


def _ending(flow: Flow, fault: Fault | None, expected: judging.Rows | None) -> Iterator[str]:
    followed = Operation.objects.filter(kind__in=KINDS, parent=None).latest("created_at")
    if fault is not None and fault.name == "delete":
        yield from is_gone(followed)
    elif expected is not None and fault is not None and fault.name == "cancel":
        yield from as_before(followed, expected)
    elif expected is not None:
        yield from judging.differences(expected, judging.rows())


KINDS = ("grow_database", "move_database", "resize_pool", "drain_pool", "delete_pool")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> ChangeGround:
    return ChangeGround(tmp_path_factory.mktemp("azure"))


@pytest.fixture
def ground(prepared: ChangeGround, committed_db: None, settings) -> ChangeGround:
    """Azure is looked at less often than in life, so that a case has fewer rounds."""
    settings.OBSERVE_WAITING_SECONDS = 45.0
    return prepared


@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_a_single_fault_changes_nothing(ground: ChangeGround, flow: Flow, fault: Fault, part: int) -> None:
    every = hits_of(ground, flow, fault, part)
    strike_all(ground, flow, fault, [hit for hit in every if is_sampled(flow, fault, hit)])


@pytest.mark.full
@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_no_other_single_fault_changes_anything(ground: ChangeGround, flow: Flow, fault: Fault, part: int) -> None:
    every = hits_of(ground, flow, fault, part)
    strike_all(ground, flow, fault, [hit for hit in every if not is_sampled(flow, fault, hit)])


def test_the_faultless_runs_pass_every_step(ground: ChangeGround) -> None:
    steps = {hit.after for flow in CHANGES for hit in ground.faultless(flow)[0]}
    for step in (
        "grow_database.choose_way",
        "grow_database.start_change",
        "move_database.start_change",
        "resize_pool.start_resize",
        "drain_pool.move_databases",
        "delete_pool.check_empty",
        "delete_pool.start_delete",
    ):
        assert step in steps

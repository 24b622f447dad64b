"""Strike every place of a rotation, its retirement and an emergency once: a credential works at every moment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from operations import failpoints
from operations.models import Operation
from tests.crash import judging
from tests.crash.faults import FAULTS, Fault
from tests.crash.flows import Flow
from tests.crash.ground import Ground, complaints
from tests.crash.hits import Hit, Tripwire
from tests.crash.rotations import ROTATIONS, Witness, rotation_faults
from tests.crash.test_single_faults import commit
from tests.crash.world import World
from tests.local_azure import straight

PARTS = 3
MATRIX = [
    pytest.param(flow, fault, part, id=f"{flow} - {fault} - {part}")
    for flow in ROTATIONS
    for fault in FAULTS
    for part in range(PARTS)
]


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
        wire: Tripwire,
        *,
        landed_late: bool,
        fault: Fault | None = None,
        expected: judging.Rows | None = None,
    ) -> Iterator[str]:
        world = World(self._fresh_directory(), self._snapshot(furnished=True), stale_seconds=flow.stale)
        witness = Witness(world)
        began: list[Operation] = []
        if fault is not None:
            strike = fault.strike
            wire.strike = lambda hit, call: strike(world, began[0] if began else None, hit, call)
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


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> RotationGround:
    return RotationGround(tmp_path_factory.mktemp("azure"))


@pytest.fixture
def ground(prepared: RotationGround, committed_db: None, settings) -> RotationGround:
    """Nothing overlaps: the old user is taken away at the first moment at which that is allowed."""
    settings.OBSERVE_WAITING_SECONDS = 45.0
    settings.CREDENTIAL_OVERLAP_SECONDS = settings.CREDENTIAL_DRAIN_SECONDS = 0
    return prepared


@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_a_credential_works_at_every_moment(ground: RotationGround, flow: Flow, fault: Fault, part: int) -> None:
    every = hits_of(ground, flow, fault, part)
    strike_all(ground, flow, fault, [hit for hit in every if is_sampled(flow, fault, hit)])


@pytest.mark.full
@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_a_credential_works_at_every_other_moment(ground: RotationGround, flow: Flow, fault: Fault, part: int) -> None:
    every = hits_of(ground, flow, fault, part)
    strike_all(ground, flow, fault, [hit for hit in every if not is_sampled(flow, fault, hit)])


def test_the_faultless_runs_pass_every_step(ground: RotationGround) -> None:
    steps = {hit.after for flow in ROTATIONS for hit in ground.faultless(flow)[0]}
    for step in (
        "rotate_credential.promote",
        "rotate_credential.end_old_sessions",
        "retire_credential.scramble_password",
        "emergency_rotation.await_all",
    ):
        assert step in steps
    assert ground.looks > 0


def hits_of(ground: RotationGround, flow: Flow, fault: Fault, part: int) -> list[Hit]:
    return [hit for hit in ground.faultless(flow)[0] if fault.fits(hit)][part::PARTS]


def strike_all(ground: RotationGround, flow: Flow, fault: Fault, hits: list[Hit]) -> None:
    wrong = {str(hit): found for hit in hits if (found := ground.case(flow, fault, hit))}
    report = "\n".join(f"{hit}\n    " + "\n    ".join(found) for hit, found in wrong.items())
    assert not wrong, f"{fault} in {flow}: {len(wrong)} of {len(hits)} cases ended wrong\n{report}"


def is_sampled(flow: Flow, fault: Fault, hit: Hit) -> bool:
    digest = hashlib.sha256(f"{commit()}/{flow}/{fault}/{hit}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < flow.share

"""Strike every place of a repair, and of an orphan's removal, once: in the end Azure shows what our rows want."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from operations.models import Operation
from tests.crash import judging
from tests.crash.faults import FAULTS, Fault
from tests.crash.flows import Flow
from tests.crash.ground import Ground
from tests.crash.judging import Rows
from tests.crash.matrix import matrix, strike_rest, strike_sample
from tests.crash.repairs import REPAIRS, repair_faults
from tests.crash.world import World

KINDS = ("repair_database", "repair_pool", "repair_server", "remove_orphan", "issue_credential")
MATRIX = matrix(REPAIRS, FAULTS)


class RepairGround(Ground):
    """Judged by what a comparison shows at the end; nothing is ever made by a repair."""

    def wrong(self, world: World, *, landed_late: bool) -> Iterator[str]:
        found = judging.faults_found(world, landed_late=landed_late)
        yield from (fault for fault in found if not fault.endswith(" times"))  # those before were made outside of us
        yield from (f"{effect} by a repair" for effect in world.effects() if effect.startswith("Create"))

    def judge(self, world: World, *, landed_late: bool) -> Iterator[str]:
        return repair_faults(world, _begun())

    def judge_end(self, faults: Sequence[str], expected: Rows | None) -> Iterator[str]:
        if "delete" in faults:
            yield from judging.is_gone(Operation.objects.filter(kind="delete_database").latest("created_at"))
        elif expected is not None and _begun().state != Operation.State.CANCELLED:
            yield from judging.differences(expected, judging.rows())


def _begun() -> Operation:
    return Operation.objects.filter(kind__in=KINDS).latest("created_at")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> RepairGround:
    return RepairGround(tmp_path_factory.mktemp("azure"))


@pytest.fixture
def ground(prepared: RepairGround, committed_db: None, settings) -> RepairGround:
    """Azure is looked at less often than in life, so that a case has fewer rounds."""
    settings.OBSERVE_WAITING_SECONDS = 45.0
    return prepared


@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_a_single_fault_changes_nothing(
    ground: RepairGround, flow: Flow, fault: Fault, part: int, record_property
) -> None:
    record_property("crash cases", strike_sample(ground, flow, fault, part))


@pytest.mark.full
@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_no_other_single_fault_changes_anything(ground: RepairGround, flow: Flow, fault: Fault, part: int) -> None:
    strike_rest(ground, flow, fault, part)


def test_the_faultless_runs_pass_every_step(ground: RepairGround) -> None:
    steps = {hit.after for flow in REPAIRS for hit in ground.faultless(flow)[0]}
    for step in ("put_database_back", "secure_retention", "secure_encryption"):
        assert f"repair_database.{step}" in steps
    assert "issue_credential.publish_secret" in steps
    assert {"repair_pool.put_pool_back", "repair_server.put_firewall_back", "remove_orphan.await_removal"} <= steps

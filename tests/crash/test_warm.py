"""Strike every place in the life of a warm database once: the end is the same, and no two services get one."""

from __future__ import annotations

import pytest

from tests.crash.faults import FAULTS, Fault
from tests.crash.flows import Flow
from tests.crash.matrix import matrix, strike_rest, strike_sample
from tests.crash.warm import CLAIMS, STOCK, WarmGround

OWNERLESS = [fault for fault in FAULTS if fault.name != "delete"]  # no service is there that could be deleted
MATRIX = [*matrix(CLAIMS, FAULTS), *matrix(STOCK, OWNERLESS)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> WarmGround:
    return WarmGround(tmp_path_factory.mktemp("azure"))


@pytest.fixture
def ground(prepared: WarmGround, committed_db: None, settings) -> WarmGround:
    """Azure is looked at less often than in life, so that a case has fewer rounds."""
    settings.OBSERVE_WAITING_SECONDS = 45.0
    return prepared


@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_a_single_fault_changes_nothing(ground: WarmGround, flow: Flow, fault: Fault, part: int) -> None:
    strike_sample(ground, flow, fault, part)


@pytest.mark.full
@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_no_other_single_fault_changes_anything(ground: WarmGround, flow: Flow, fault: Fault, part: int) -> None:
    strike_rest(ground, flow, fault, part)


def test_the_faultless_runs_pass_every_step(ground: WarmGround) -> None:
    steps = {hit.after for flow in (*CLAIMS, *STOCK) for hit in ground.faultless(flow)[0]}
    for step in (
        "claim_database.put_database_back",
        "claim_database.prove_credential",
        "claim_database.publish_cast_secret",
        "create_database.publish_secret",
        "delete_database.start_delete",
    ):
        assert step in steps

"""Strike every place of an undelete and of a restore to a moment once: the end is the same, and nothing is lost."""

from __future__ import annotations

import pytest

from tests.crash.faults import FAULTS, Fault
from tests.crash.flows import Flow
from tests.crash.matrix import matrix, strike_rest, strike_sample
from tests.crash.restore_ground import RestoreGround
from tests.crash.restores import RESTORES

MATRIX = matrix(RESTORES, FAULTS)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> RestoreGround:
    return RestoreGround(tmp_path_factory.mktemp("azure"))


@pytest.fixture
def ground(prepared: RestoreGround, committed_db: None, settings) -> RestoreGround:
    """Azure is looked at less often than in life, so that a case has fewer rounds."""
    settings.OBSERVE_WAITING_SECONDS = 45.0
    return prepared


@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_a_single_fault_changes_nothing(
    ground: RestoreGround, flow: Flow, fault: Fault, part: int, record_property
) -> None:
    record_property("crash cases", strike_sample(ground, flow, fault, part))


@pytest.mark.full
@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_no_other_single_fault_changes_anything(ground: RestoreGround, flow: Flow, fault: Fault, part: int) -> None:
    strike_rest(ground, flow, fault, part)


def test_the_faultless_runs_pass_every_step(ground: RestoreGround) -> None:
    steps = {hit.after for flow in RESTORES for hit in ground.faultless(flow)[0]}
    for step in ("look_up_source", "start_restore", "secure_retention", "scramble_other", "publish_secret"):
        assert f"restore_database.{step}" in steps

"""Strike every place of a growth, a move, and of a pool's changes once: the end is the same, and nothing is lost."""

from __future__ import annotations

import pytest

from tests.crash.change_ground import ChangeGround
from tests.crash.changes import CHANGES
from tests.crash.faults import FAULTS, Fault
from tests.crash.flows import Flow
from tests.crash.matrix import matrix, strike_rest, strike_sample

MATRIX = matrix(CHANGES, FAULTS)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> ChangeGround:
    return ChangeGround(tmp_path_factory.mktemp("azure"))


@pytest.fixture
def ground(prepared: ChangeGround, committed_db: None, settings) -> ChangeGround:
    """Azure is looked at less often than in life, so that a case has fewer rounds; a new endpoint is followed at once."""
    settings.OBSERVE_WAITING_SECONDS = 45.0
    settings.CREDENTIAL_OVERLAP_SECONDS = 0
    return prepared


@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_a_single_fault_changes_nothing(ground: ChangeGround, flow: Flow, fault: Fault, part: int) -> None:
    strike_sample(ground, flow, fault, part)


@pytest.mark.full
@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_no_other_single_fault_changes_anything(ground: ChangeGround, flow: Flow, fault: Fault, part: int) -> None:
    strike_rest(ground, flow, fault, part)


def test_the_faultless_runs_pass_every_step(ground: ChangeGround) -> None:
    steps = {hit.after for flow in CHANGES for hit in ground.faultless(flow)[0]}
    for step in (
        "grow_database.choose_way",
        "grow_database.start_change",
        "move_database.start_change",
        "rehome_database.start_replica",
        "rehome_database.fail_over",
        "rehome_database.publish_endpoint",
        "rehome_database.end_link",
        "change_database.take_hop",
        "change_database.arrive",
        "change_backup_storage.ask_for_storage",
        "resize_pool.start_resize",
        "drain_pool.move_databases",
        "delete_pool.check_empty",
        "delete_pool.start_delete",
    ):
        assert step in steps

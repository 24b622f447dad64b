"""Strike every place of a rotation, its retirement and an emergency once: a credential works at every moment."""

from __future__ import annotations

import pytest

from tests.crash.faults import Fault
from tests.crash.flows import Flow
from tests.crash.matrix import matrix, strike_rest, strike_sample
from tests.crash.rotation_ground import RotationGround
from tests.crash.rotations import ROTATION_FAULTS, ROTATIONS

MATRIX = matrix(ROTATIONS, ROTATION_FAULTS)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> RotationGround:
    return RotationGround(tmp_path_factory.mktemp("azure"))


@pytest.fixture
def ground(prepared: RotationGround, committed_db: None, settings) -> RotationGround:
    """Nothing overlaps: the old user is taken away at the first moment at which that is allowed."""
    settings.OBSERVE_WAITING_SECONDS = 45.0
    settings.CREDENTIAL_OVERLAP_SECONDS = settings.CREDENTIAL_DRAIN_SECONDS = settings.SIGNING_OVERLAP_SECONDS = 0
    return prepared


@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_a_credential_works_at_every_moment(
    ground: RotationGround, flow: Flow, fault: Fault, part: int, record_property
) -> None:
    record_property("crash cases", strike_sample(ground, flow, fault, part))


@pytest.mark.full
@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_a_credential_works_at_every_other_moment(ground: RotationGround, flow: Flow, fault: Fault, part: int) -> None:
    strike_rest(ground, flow, fault, part)


def test_the_faultless_runs_pass_every_step(ground: RotationGround) -> None:
    steps = {hit.after for flow in ROTATIONS for hit in ground.faultless(flow)[0]}
    for step in (
        "rotate_credential.promote",
        "rotate_credential.end_old_sessions",
        "retire_credential.scramble_password",
        "emergency_rotation.begin_next",
        "emergency_rotation.begin_again",
        "issue_cast_credential.promote",
        "revoke_credential.record_revoked",
        "rotate_server_admin.promote",
        "count_sessions.count",
        "check_identity.find_user",
        "rotate_signing_secret.disable_superseded",
        "forget_signing_secret.disable_all",
    ):
        assert step in steps
    assert ground.looks > 0

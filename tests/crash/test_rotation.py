"""Strike every place of a rotation, its retirement and an emergency once: a credential works at every moment."""

from __future__ import annotations

import hashlib

import pytest

from tests.crash.faults import Fault
from tests.crash.flows import Flow
from tests.crash.hits import Hit
from tests.crash.rotation_ground import RotationGround, rotation_hits
from tests.crash.rotations import ROTATION_FAULTS, ROTATIONS
from tests.crash.test_single_faults import commit

PARTS = 3
MATRIX = [
    pytest.param(flow, fault, part, id=f"{flow} - {fault} - {part}")
    for flow in ROTATIONS
    for fault in ROTATION_FAULTS
    for part in range(PARTS)
]


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
    every = hits_of(ground, flow, fault, part)
    chosen = [hit for hit in every if is_sampled(flow, fault, hit)]
    record_property("crash cases", (len(chosen), len(every)))
    strike_all(ground, flow, fault, chosen)


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
        "emergency_rotation.begin_next",
        "emergency_rotation.begin_again",
        "rotate_server_admin.promote",
        "count_sessions.count",
        "check_identity.find_user",
        "rotate_signing_secret.disable_superseded",
        "forget_signing_secret.disable_all",
    ):
        assert step in steps
    assert ground.looks > 0


def hits_of(ground: RotationGround, flow: Flow, fault: Fault, part: int) -> list[Hit]:
    return [hit for hit in rotation_hits(ground, flow) if fault.fits(hit)][part::PARTS]


def strike_all(ground: RotationGround, flow: Flow, fault: Fault, hits: list[Hit]) -> None:
    wrong = {str(hit): found for hit in hits if (found := ground.case(flow, fault, hit))}
    report = "\n".join(f"{hit}\n    " + "\n    ".join(found) for hit, found in wrong.items())
    assert not wrong, f"{fault} in {flow}: {len(wrong)} of {len(hits)} cases ended wrong\n{report}"


def is_sampled(flow: Flow, fault: Fault, hit: Hit) -> bool:
    digest = hashlib.sha256(f"{commit()}/{flow}/{fault}/{hit}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < flow.share

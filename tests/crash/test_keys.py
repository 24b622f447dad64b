"""Strike every place of a change of a customer's key once: the end is the same, under the key that was wished for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.faults import FAULTS, Fault
from tests.crash.flows import Flow
from tests.crash.keys import BACK, KEYS, BackGround, KeyGround
from tests.crash.matrix import matrix, strike_rest, strike_sample
from tests.keyed import ISSUER, SUBJECT, write_token

MATRIX = matrix(KEYS, FAULTS)
CARRIED_OUT = [
    fault for fault in FAULTS if fault.name != "cancel"
]  # a cancelled repair leaves it cut off: it is asked for anew
MATRIX_BACK = matrix(BACK, CARRIED_OUT)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("azure")
    write_token(made / "token")
    return made


@pytest.fixture(scope="module")
def prepared(directory: Path) -> KeyGround:
    return KeyGround(directory)


@pytest.fixture(scope="module")
def prepared_back(directory: Path) -> BackGround:
    made = directory / "back"
    made.mkdir()
    write_token(made / "token")
    return BackGround(made)


@pytest.fixture
def rare_looks(committed_db: None, settings) -> None:
    """Azure is looked at less often than in life, so that a case has fewer rounds; identities may trust us."""
    settings.OBSERVE_WAITING_SECONDS = 45.0
    settings.KEY_TOKEN_ISSUER, settings.KEY_TOKEN_SUBJECT = ISSUER, SUBJECT


@pytest.fixture
def ground(prepared: KeyGround, rare_looks: None) -> KeyGround:
    return prepared


@pytest.fixture
def back(prepared_back: BackGround, rare_looks: None) -> BackGround:
    return prepared_back


@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_a_single_fault_changes_nothing(ground: KeyGround, flow: Flow, fault: Fault, part: int) -> None:
    strike_sample(ground, flow, fault, part)


@pytest.mark.full
@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_no_other_single_fault_changes_anything(ground: KeyGround, flow: Flow, fault: Fault, part: int) -> None:
    strike_rest(ground, flow, fault, part)


@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX_BACK)
def test_a_single_fault_keeps_no_database_cut_off(back: BackGround, flow: Flow, fault: Fault, part: int) -> None:
    strike_sample(back, flow, fault, part)


@pytest.mark.full
@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX_BACK)
def test_no_other_single_fault_keeps_one_cut_off(back: BackGround, flow: Flow, fault: Fault, part: int) -> None:
    strike_rest(back, flow, fault, part)


def test_the_faultless_runs_pass_every_step(ground: KeyGround) -> None:
    steps = {hit.after for flow in KEYS for hit in ground.faultless(flow)[0]}
    for step in (
        "enable_cmk.ensure_identity",
        "enable_cmk.trust_us",
        "enable_cmk.examine_key",
        "enable_cmk.give_key",
        "enable_cmk.verify_key",
        "change_cmk_key.give_key",
        "disable_cmk.revert_key",
        "create_database.examine_key",
        "create_database.verify_key",
        "claim_database.give_key",
    ):
        assert step in steps


def test_the_faultless_way_back_passes_every_step(back: BackGround) -> None:
    steps = {hit.after for flow in BACK for hit in back.faultless(flow)[0]}
    for step in ("revalidate_key", "put_place_back", "put_retention_back"):
        assert f"repair_inaccessible.{step}" in steps

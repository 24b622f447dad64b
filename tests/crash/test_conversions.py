"""Strike every place of a conversion once: the end is the same, and consumers are refused only while Azure switches over."""

from __future__ import annotations

import pytest

from tests.crash.conversions import CONVERSIONS, ConversionGround
from tests.crash.faults import FAULTS, Fault
from tests.crash.flows import Flow
from tests.crash.matrix import matrix, strike_rest, strike_sample

MATRIX = matrix(CONVERSIONS, FAULTS)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> ConversionGround:
    return ConversionGround(tmp_path_factory.mktemp("azure"))


@pytest.fixture
def ground(prepared: ConversionGround, committed_db: None, settings) -> ConversionGround:
    """Azure is looked at less often than in life, so that a case has fewer rounds."""
    settings.OBSERVE_WAITING_SECONDS = 45.0
    return prepared


@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_a_single_fault_changes_nothing(
    ground: ConversionGround, flow: Flow, fault: Fault, part: int, record_property
) -> None:
    record_property("crash cases", strike_sample(ground, flow, fault, part))


@pytest.mark.full
@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_no_other_single_fault_changes_anything(ground: ConversionGround, flow: Flow, fault: Fault, part: int) -> None:
    strike_rest(ground, flow, fault, part)


def test_the_faultless_run_passes_every_step(ground: ConversionGround) -> None:
    steps = {hit.after for flow in CONVERSIONS for hit in ground.faultless(flow)[0]}
    for step in ("inspect", "place", "start_return", "await_return", "start_join", "await_join", "verify_login"):
        assert f"convert_back.{step}" in steps
    for step in (
        "inspect",
        "place",
        "start_conversion",
        "await_copy",
        "perform_cutover",
        "await_cutover",
        "verify_login",
    ):
        assert f"convert_to_hyperscale.{step}" in steps

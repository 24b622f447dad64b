"""Strike every place of a conversion once: the end is the same, and consumers are refused only while Azure switches over."""

from __future__ import annotations

import pytest

from tests.crash.conversions import CONVERSIONS, ConversionGround
from tests.crash.faults import FAULTS, Fault
from tests.crash.flows import Flow
from tests.crash.test_single_faults import hits_of, is_sampled, strike_all

PARTS = 3
MATRIX = [
    pytest.param(flow, fault, part, id=f"{flow} - {fault} - {part}")
    for flow in CONVERSIONS
    for fault in FAULTS
    for part in range(PARTS)
]


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
    every = hits_of(ground, flow, fault, part)
    chosen = [hit for hit in every if is_sampled(flow, fault, hit)]
    record_property("crash cases", (len(chosen), len(every)))
    strike_all(ground, flow, fault, chosen)


@pytest.mark.full
@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_no_other_single_fault_changes_anything(ground: ConversionGround, flow: Flow, fault: Fault, part: int) -> None:
    every = hits_of(ground, flow, fault, part)
    strike_all(ground, flow, fault, [hit for hit in every if not is_sampled(flow, fault, hit)])


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

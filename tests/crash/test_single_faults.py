"""Strike every place of every workflow once, with everything that may go wrong there: the end is the same."""

from __future__ import annotations

import pytest

from tests.crash.faults import FAULTS, Fault
from tests.crash.flows import FLOWS, Flow
from tests.crash.ground import Ground
from tests.crash.matrix import matrix, strike_rest, strike_sample

MATRIX = matrix(FLOWS, FAULTS)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("azure"))


@pytest.fixture
def ground(prepared: Ground, committed_db: None, settings) -> Ground:
    """Azure is looked at less often than in life, so that a case has fewer rounds."""
    settings.OBSERVE_WAITING_SECONDS = 45.0
    return prepared


@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_a_single_fault_changes_nothing(ground: Ground, flow: Flow, fault: Fault, part: int, record_property) -> None:
    record_property("crash cases", strike_sample(ground, flow, fault, part))


@pytest.mark.full
@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_no_other_single_fault_changes_anything(ground: Ground, flow: Flow, fault: Fault, part: int) -> None:
    strike_rest(ground, flow, fault, part)

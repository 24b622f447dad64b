"""Strike every place of every workflow once, with everything that may go wrong there: the end is the same."""

from __future__ import annotations

import hashlib
import subprocess
from functools import cache

import pytest

from tests.crash.faults import FAULTS, Fault
from tests.crash.flows import FLOWS, Flow
from tests.crash.ground import Ground
from tests.crash.hits import Hit
from tests.databases import ROOT

PARTS = 3
MATRIX = [
    pytest.param(flow, fault, part, id=f"{flow} - {fault} - {part}")
    for flow in FLOWS
    for fault in FAULTS
    for part in range(PARTS)
    if flow.creates or not fault.ends_otherwise
]


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
    every = hits_of(ground, flow, fault, part)
    chosen = [hit for hit in every if is_sampled(flow, fault, hit)]
    record_property("crash cases", (len(chosen), len(every)))
    strike_all(ground, flow, fault, chosen)


@pytest.mark.full
@pytest.mark.parametrize(("flow", "fault", "part"), MATRIX)
def test_no_other_single_fault_changes_anything(ground: Ground, flow: Flow, fault: Fault, part: int) -> None:
    strike_all(ground, flow, fault, [h for h in hits_of(ground, flow, fault, part) if not is_sampled(flow, fault, h)])


def hits_of(ground: Ground, flow: Flow, fault: Fault, part: int) -> list[Hit]:
    """A share of the places that this fault can strike."""
    return [hit for hit in ground.faultless(flow)[0] if fault.fits(hit)][part::PARTS]


def strike_all(ground: Ground, flow: Flow, fault: Fault, hits: list[Hit]) -> None:
    wrong = {str(hit): found for hit in hits if (found := ground.case(flow, fault, hit))}
    report = "\n".join(f"{hit}\n    " + "\n    ".join(found) for hit, found in wrong.items())
    assert not wrong, f"{fault} in {flow}: {len(wrong)} of {len(hits)} cases ended wrong\n{report}"


def is_sampled(flow: Flow, fault: Fault, hit: Hit) -> bool:
    """Whether the budgeted run takes this case: another part of them with each commit."""
    digest = hashlib.sha256(f"{commit()}/{flow}/{fault}/{hit}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < flow.share


@cache
def commit() -> str:
    """The commit that is tested; none where the code did not come with its history."""
    asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return asked.stdout.strip() if asked.returncode == 0 else "none"

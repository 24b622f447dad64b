"""Every fault at every place of every flow: what each test strikes, and which of it the budgeted run takes."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest

from tests.crash.faults import Fault
from tests.crash.flows import Flow
from tests.crash.ground import Ground
from tests.crash.hits import Hit
from tests.databases import ROOT

PARTS = 3


def matrix(flows: Sequence[Flow], faults: Sequence[Fault]) -> list[Any]:
    """Parameters flow, fault and part of a test."""
    return [
        pytest.param(flow, fault, part, id=f"{flow} - {fault} - {part}")
        for flow in flows
        for fault in faults
        for part in range(PARTS)
        if flow.creates or not fault.ends_otherwise
    ]


def strike_sample(ground: Ground, flow: Flow, fault: Fault, part: int) -> tuple[int, int]:
    """Strike what the budgeted run takes. Returns how many cases these are, of how many."""
    every = _hits_of(ground, flow, fault, part)
    chosen = [hit for hit in every if is_sampled(flow, fault, hit)]
    _strike_all(ground, flow, fault, chosen)
    return len(chosen), len(every)


def strike_rest(ground: Ground, flow: Flow, fault: Fault, part: int) -> None:
    """Strike what the budgeted run leaves out."""
    hits = _hits_of(ground, flow, fault, part)
    _strike_all(ground, flow, fault, [hit for hit in hits if not is_sampled(flow, fault, hit)])


def places_of(ground: Ground, flow: Flow) -> list[Hit]:
    """The places of a run without faults at which this flow is struck."""
    return [hit for hit in ground.faultless(flow)[0] if not flow.steps or hit.after in flow.steps]


def is_sampled(flow: Flow, fault: Fault, hit: Hit) -> bool:
    """Whether the budgeted run takes this case: another part of them with each commit."""
    digest = hashlib.sha256(f"{commit()}/{flow}/{fault}/{hit}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < flow.share


@cache
def commit() -> str:
    """The commit that is tested; none where the code did not come with its history."""
    asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return asked.stdout.strip() if asked.returncode == 0 else "none"


def _hits_of(ground: Ground, flow: Flow, fault: Fault, part: int) -> list[Hit]:
    """A share of the places that this fault can strike."""
    return [hit for hit in places_of(ground, flow) if fault.fits(hit)][part::PARTS]


def _strike_all(ground: Ground, flow: Flow, fault: Fault, hits: list[Hit]) -> None:
    wrong = {str(hit): found for hit in hits if (found := ground.case(flow, fault, hit))}
    report = "\n".join(f"{hit}\n    " + "\n    ".join(found) for hit, found in wrong.items())
    assert not wrong, f"{fault} in {flow}: {len(wrong)} of {len(hits)} cases ended wrong\n{report}"

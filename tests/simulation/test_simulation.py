"""Seeded runs in which everything interleaves; whatever happens, the invariants hold and everything ends."""

from __future__ import annotations

import random
import subprocess
import time

import pytest

from tests.databases import ROOT
from tests.simulation.run import run
from tests.simulation.shrink import shrunk, told

QUICK, ALL = 50, 500
BUDGET_SECONDS = 110.0  # of each process in the quick run; what is left out is skipped, and says so
SHRINKING_SECONDS = 60.0
_spent = 0.0


def _seeds() -> list[object]:
    """The quick ones in an order that the commit fixes, so that over budget each commit leaves out others; then the rest."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, check=False).stdout
    quick = random.Random(commit).sample(range(QUICK), QUICK)
    return [*quick, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(QUICK, ALL))]


@pytest.mark.parametrize("seed", _seeds())
def test_everything_holds_and_ends(committed_db: None, pytestconfig: pytest.Config, seed: int):
    global _spent
    if "not full" in pytestconfig.option.markexpr and _spent > BUDGET_SECONDS:
        pytest.skip(f"left out: the {BUDGET_SECONDS:.0f} s for simulation are used up")
    started = time.monotonic()
    report = run(seed)
    _spent += time.monotonic() - started
    assert not report.failure, told(shrunk(report, seconds=SHRINKING_SECONDS))


def test_a_seed_fixes_every_step(committed_db: None):
    first, second = run(3), run(3)
    assert first.trace == second.trace
    assert first.schedule == second.schedule


def test_a_schedule_replays_the_run_that_it_was_taken_from(committed_db: None):
    first = run(4)
    assert run(4, first.schedule).trace == first.trace

"""Schedules that once broke an invariant, made short; none does any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.shrink import kept, replay, told


@pytest.mark.parametrize("path", kept(), ids=lambda path: path.stem)
def test_a_schedule_that_once_failed_holds(committed_db: None, path: Path):
    report = replay(path)
    assert not report.failure, told(report)

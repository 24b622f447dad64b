"""A failing seed is told, made short and kept; a soak that was stopped goes on where it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

from operations.models import Operation
from tests.databases import ROOT
from tests.simulation import shrink, soak
from tests.simulation.run import run

MOST_SEEDS = 20
PATIENCE_SECONDS = 300.0


@contextmanager
def a_cancel_that_forgets_what_is_held() -> Iterator[None]:
    """A planted defect: whoever cancels ends the row itself, and leaves its room and locks behind."""

    def cancel(operation: Operation, *, actor: str, reason: str = "") -> None:
        Operation.objects.filter(pk=operation.pk).update(state=Operation.State.CANCELLED)

    with patch("tests.simulation.actors.cancel", cancel):
        yield


@pytest.mark.full
def test_a_failing_seed_is_told_made_short_and_kept(committed_db: None, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(shrink, "KEPT", tmp_path)
    monkeypatch.setattr(soak, "SHRINKING_SECONDS", 120.0)
    state = soak.Soak()
    with a_cancel_that_forgets_what_is_held():
        while not state.failures:
            assert state.next_seed < MOST_SEEDS, "nobody noticed"
            soak._one(state)
        [(seed, failure)], [path] = state.failures.items(), shrink.kept()
        told, kept = capsys.readouterr().out, json.loads(path.read_text())
        assert f"seed {seed} failed: {failure}" in told
        assert str(path) in told
        assert len(kept["schedule"]) < len(run(int(seed)).schedule)
        assert shrink.replay(path).failure == kept["found"]
    assert not shrink.replay(path).failure, "without the defect the schedule holds"


@pytest.mark.full
def test_a_soak_that_was_killed_goes_on_where_it_was(tmp_path: Path):
    with soaking(tmp_path, seeds=40) as first:
        wait_until(lambda: next_seed(tmp_path) > 20)
        first.kill()
    with soaking(tmp_path, seeds=40) as second:
        wait_until(lambda: next_seed(tmp_path) > 21)
        second.send_signal(signal.SIGINT)
        assert second.wait(PATIENCE_SECONDS) == 0
    reached = next_seed(tmp_path)
    with soaking(tmp_path, seeds=reached - 20) as third:
        assert third.wait(PATIENCE_SECONDS) == 0
    state = json.loads((tmp_path / "state.json").read_text())
    assert (state["next_seed"], state["passed"]) == (reached, reached - 20), "no seed twice, none left out"


@contextmanager
def soaking(directory: Path, *, seeds: int) -> Iterator[subprocess.Popen[bytes]]:
    ours = {"SOAK_DIRECTORY": str(directory), "FROM": "20", "SEEDS": str(seeds)}
    with subprocess.Popen([sys.executable, "-m", "tests.simulation.soak"], cwd=ROOT, env=os.environ | ours) as child:
        try:
            yield child
        finally:
            child.kill()


def next_seed(directory: Path) -> int:
    path = directory / "state.json"
    return int(json.loads(path.read_text())["next_seed"]) if path.exists() else 0


def wait_until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.2)

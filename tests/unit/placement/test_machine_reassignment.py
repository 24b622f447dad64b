"""The challenge's text, judged by two programs that share no code; the instances are public and may be absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.instances import SHARED
from benchmarks.machine_reassignment import problem_of, solve
from benchmarks.machine_reassignment_check import Instance, complaints, numbers, value
from placement.engine.rebalance.search import Budget

FOLDER = SHARED / "benchmarks" / "placement" / "mrp"
SMALL = """2
1 10 0 100
2
0 0 20 50 10 25 0 2
1 1 30 60 15 30 3 0
2
1 0
1 1 0
3
0 8 5 4
0 6 20 3
1 9 10 2
1
0 1 3 10
1 10 100
"""


def test_a_small_instance_is_read_and_judged_by_hand(tmp_path: Path):
    model, start = tmp_path / "model.txt", tmp_path / "start.txt"
    model.write_text(SMALL)
    start.write_text("0 1 0")
    instance = Instance(model)
    before, after = numbers(start), [0, 1, 1]
    # Start: machine 0 uses 17 and 15: over by 7 of weight 10; balance 3 * 3 - 35 is met. Machine 1 uses 6 and 20: 24 * 3 - 40.
    assert value(instance, before, before) == 70 + 320
    # Moved: nothing over; balance 12 * 3 - 45 and 15 * 3 - 30 = 15; moves 2 + 10 + 100 * 2.
    assert value(instance, before, after) == 150 + 2 + 10 + 200
    assert list(complaints(instance, before, after)) == []
    assert list(complaints(instance, before, [0, 0, 0])) == [
        "machine 0 is over its capacity of resource 0",
        "two processes of service 0 share a machine",
    ]
    found = solve(model, start, tmp_path / "out.txt", budget=Budget(trials=2_000), seed=1)
    assert numbers(tmp_path / "out.txt") == after
    assert (found.start_value, found.value) == (390, 362)


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no public instances below {FOLDER}")
def test_a_public_instance_is_improved_without_breaking_a_rule(tmp_path: Path):
    model, start = FOLDER / "model_a1_4.txt.gz", FOLDER / "assignment_a1_4.txt.gz"
    found = solve(model, start, tmp_path / "out.txt", budget=Budget(trials=300_000), seed=1)
    instance, before, after = Instance(model), numbers(start), numbers(tmp_path / "out.txt")
    assert list(complaints(instance, before, after)) == []
    assert value(instance, before, after) == found.value < found.start_value == value(instance, before, before)
    assert problem_of(model, start).databases.pool.tolist() == before

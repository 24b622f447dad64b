"""Machine reassignment over the public instances: `make bench-mrp ARGS="--seconds 60"`, or some by `--only a1_4 b_1`.

Each answer is judged by the independent checker. The gap is to the best value with a source, in percent of the start's
value, as the challenge scored. Seconds are seconds of CPU, because other programs may be using the same cores; wall
seconds are printed beside them. With `--results FILE` what is already in that file is not run again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import mean

from benchmarks.harness import report
from benchmarks.instances import instances
from benchmarks.machine_reassignment import solve
from benchmarks.machine_reassignment_check import Instance, complaints, numbers, value
from placement.engine.rebalance.search import Budget

BEST = {
    "a1_1": 44_306_501,
    "a1_2": 777_531_842,
    "a1_3": 583_005_719,
    "a1_4": 262_086_758,
    "a1_5": 727_578_310,
    "b_1": 3_353_533_859,
    "b_4": 4_677_962_661,
}
"""Source: contest winner's table (S41, 300 s) and a commercial MIP solver (up to 3,600 s), whichever is lower."""


def main() -> None:
    """Print each instance and the mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=list(BEST))
    parser.add_argument("--results", type=Path)
    asked = parser.parse_args()
    folder, rows = instances("mrp"), _earlier(asked.results)
    for name in asked.only:
        if name not in rows:
            rows[name] = judged(folder, name, seconds=asked.seconds, seed=asked.seed)
            if asked.results:
                asked.results.write_text(json.dumps(rows))
        print(name, rows[name], flush=True)
    gaps = [row["gap_percent"] for name, row in rows.items() if name in asked.only]
    feasible = all(row["feasible"] for row in rows.values())
    figures = {"mean_gap_percent": round(mean(gaps), 3), "worst_gap_percent": max(gaps), "feasible": feasible}
    clipped = round(mean(max(gap, 0.0) for gap in gaps), 3)
    report("mrp", seconds=asked.seconds, instances=len(gaps), **figures, mean_gap_without_gains_percent=clipped)


def judged(folder: Path, name: str, *, seconds: float, seed: int) -> dict[str, object]:
    """One instance: solved, then judged by other code."""
    model, initial = folder / f"model_{name}.txt.gz", folder / f"assignment_{name}.txt.gz"
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "solution.txt"
        found = solve(model, initial, out, budget=Budget(seconds=seconds, clock=time.process_time), seed=seed)
        solution = numbers(out)
    took = time.monotonic() - began
    instance, start = Instance(model), numbers(initial)
    wrong = list(complaints(instance, start, solution))
    reached, before = value(instance, start, solution), value(instance, start, start)
    return {
        "gap_percent": round(100 * (reached - BEST[name]) / before, 3),
        "value": reached,
        "feasible": not wrong and reached == found.value and reached <= before,
        "trials": found.trials,
        "wall_s": round(took, 1),
    }


def _earlier(results: Path | None) -> dict[str, dict[str, object]]:
    return json.loads(results.read_text()) if results and results.exists() else {}


if __name__ == "__main__":
    main()

"""Vector bin packing over the public instances: `make bench-vbp ARGS="--seconds 30 --results FILE"`.

One instance for each set, class, number of items and number of dimensions (294 of them; `--every N` takes each Nth).
With `--results FILE` what is already there is not run again, so a long run can be stopped and taken up. Seconds are of
CPU, because other programs may be using the same cores. Compared: the best of all heuristics of the survey (more than
200 variants), its lower bound, and the optimum where known.
"""

from __future__ import annotations

import argparse
import csv
import json
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import report
from benchmarks.instances import instances
from benchmarks.vector_bin_packing import feasible, instance
from placement.engine.packing.pack import pack

SEED = "0"


@dataclass(frozen=True)
class Known:
    """What the survey says of one instance; an optimum of -1 is unknown."""

    group: str
    name: str
    lower_bound: int
    optimum: int
    best_heuristic: int


def main() -> None:
    """Print each instance and the sums of each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--results", type=Path)
    asked = parser.parse_args()
    folder = instances("vbp")
    chosen = [known for known in survey(folder) if known.name.endswith(f"_{SEED}")][:: asked.every]
    rows = json.loads(asked.results.read_text()) if asked.results and asked.results.exists() else {}
    with tempfile.TemporaryDirectory() as scratch:
        unpack(folder, Path(scratch))
        for known in chosen:
            if known.name not in rows:
                rows[known.name] = packed(Path(scratch) / known.group / f"{known.name}.vbp", asked.seconds)
                if asked.results:
                    asked.results.write_text(json.dumps(rows))
                print(known.name, rows[known.name], f"heuristics {known.best_heuristic}", flush=True)
    report(
        "vbp",
        seconds=asked.seconds,
        **{group: figures(chosen, rows, group) for group in ("triplet", "new", "panigrahy")},
    )


def survey(folder: Path) -> Iterator[Known]:
    """The survey's table."""
    with (folder / "best_known.csv").open() as table:
        for row in csv.DictReader(table):
            values = int(row["LB"]), int(row["OPT"]), int(row["best_overall"])
            yield Known(row["benchmark"], row["instance"], *values)


def unpack(folder: Path, scratch: Path) -> None:
    """All instances as files."""
    for archive in folder.glob("*.tar.xz"):
        with tarfile.open(archive) as files:
            files.extractall(scratch, filter="data")


def packed(path: Path, seconds: float) -> dict[str, object]:
    """One instance, judged."""
    sizes, capacity = instance(path)
    began = time.process_time()
    found = pack(sizes, capacity, seconds=seconds, clock=time.process_time)
    took = time.process_time() - began
    bins = found.bins.tolist()
    right = feasible(sizes, capacity, bins) and len(set(bins)) == found.count
    return {"bins": found.count, "bound": found.bound, "feasible": right, "cpu_s": round(took, 1)}


def figures(chosen: list[Known], rows: dict[str, dict[str, int]], group: str) -> dict[str, object]:
    """The sums of one set. A bound above a known optimum or above an answer would be wrong."""
    ours = [(known, rows[known.name]) for known in chosen if known.group == group]
    solved = [(known, row) for known, row in ours if known.optimum >= 0]
    total, best = sum(row["bins"] for _, row in ours), sum(known.best_heuristic for known, _ in ours)
    wrong = [known.name for known, row in solved if row["bound"] > known.optimum or row["bins"] < known.optimum]
    return {
        "instances": len(ours),
        "bins": total,
        "heuristics_bins": best,
        "fewer_percent": round(100 * (best - total) / best, 2) if best else None,
        "optimal": f"{sum(row['bins'] == known.optimum for known, row in solved)}/{len(solved)}",
        "proven": sum(row["bins"] == row["bound"] for _, row in ours),
        "feasible": all(row["feasible"] for _, row in ours),
        "wrong_bounds": wrong + [known.name for known, row in ours if row["bound"] > row["bins"]],
        "worse_than_heuristics": sum(row["bins"] > known.best_heuristic for known, row in ours),
    }


if __name__ == "__main__":
    main()

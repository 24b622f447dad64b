"""Machine reassignment (ROADEF/EURO challenge 2012, set by Google) through the product's rebalancing.

`python -m benchmarks.machine_reassignment --model M --initial I --seconds S --out O`: machines are pools, processes are
databases, services are groups, neighbourhoods are zones, locations are sites. Files may be gzipped. The start is written
first, so that there is an answer whatever happens; then the search, and what it found. Last line: JSON.
"""

from __future__ import annotations

import argparse
import gzip
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.harness import report
from placement.engine.rebalance.problem import Balance, Costs, Databases, Groups, Ints, Pools, Problem
from placement.engine.rebalance.search import Budget, Rebalanced, rebalance

WRITING_SECONDS = 0.5
"""Kept of the time asked for, to write the answer and to leave."""


class Numbers:
    """A file of whole numbers, taken from the front."""

    def __init__(self, path: Path) -> None:
        raw = path.read_bytes()
        text = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        self.all = np.array(text.split(), dtype=np.int64)
        self._next = 0

    def take(self, count: int) -> Ints:
        """The next so many."""
        self._next += count
        return self.all[self._next - count : self._next]

    def one(self) -> int:
        """The next."""
        return int(self.take(1)[0])

    def table(self, rows: int, columns: int) -> Ints:
        """The next, row by row."""
        return self.take(rows * columns).reshape(rows, columns)


def problem_of(model: Path, initial: Path) -> Problem:
    """The instance as databases in pools."""
    numbers = Numbers(model)
    resources = numbers.table(numbers.one(), 2)
    width = len(resources)
    machine_count = numbers.one()
    machines = numbers.table(machine_count, 2 + 2 * width + machine_count)
    services = [(numbers.one(), tuple(numbers.take(numbers.one()).tolist())) for _ in range(numbers.one())]
    processes = numbers.table(numbers.one(), width + 2)
    balances = tuple(Balance(*row) for row in numbers.table(numbers.one(), 4).tolist())
    process_weight, service_weight, machine_weight = numbers.take(3).tolist()
    everyone = np.zeros(len(processes), dtype=np.int64)
    return Problem(
        databases=Databases(
            needs=np.ascontiguousarray(processes[:, 1 : 1 + width]),
            group=np.ascontiguousarray(processes[:, 0]),
            move_cost=np.ascontiguousarray(processes[:, -1]),
            pool=Numbers(initial).take(len(processes)).copy(),
            kind=everyone,
            pinned=everyone > 0,
        ),
        pools=_pools(machines, width),
        groups=Groups(np.array([sites for sites, _ in services], np.int64), tuple(needed for _, needed in services)),
        costs=Costs(
            load_weight=np.ascontiguousarray(resources[:, 1]),
            held=resources[:, 0] == 1,
            road=np.ascontiguousarray(machines[:, 2 + 2 * width :]),
            balances=balances,
            database_weight=process_weight,
            group_weight=service_weight,
            road_weight=machine_weight,
        ),
    )


def _pools(machines: Ints, width: int) -> Pools:
    positions = np.arange(len(machines), dtype=np.int64)
    return Pools(
        capacity=np.ascontiguousarray(machines[:, 2 : 2 + width]),
        safe=np.ascontiguousarray(machines[:, 2 + width : 2 + 2 * width]),
        zone=np.ascontiguousarray(machines[:, 0]),
        site=np.ascontiguousarray(machines[:, 1]),
        kind=np.zeros_like(positions),
        port=positions,
        closed=positions < 0,
    )


def write(pool: Ints, out: Path) -> None:
    """The answer in the form of the start, in one go."""
    fresh = out.with_name(f"{out.name}.new")
    fresh.write_text(" ".join(map(str, pool.tolist())) + "\n")
    fresh.replace(out)


def solve(model: Path, initial: Path, out: Path, *, budget: Budget, seed: int) -> Rebalanced:
    """Read, search, write."""
    problem = problem_of(model, initial)
    found = rebalance(problem, budget=budget, seed=seed)
    write(found.pool, out)
    return found


def within(seconds: float, work: Callable[[], None]) -> None:
    """Do the work, or leave with what has been written when time is up (a first compilation may take longer)."""
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(seconds)
    if worker.is_alive():
        report(
            "machine_reassignment",
            reason="time was up before the search began or ended; the file written so far stands",
        )
        os._exit(0)


def main() -> None:
    """Print what was found."""
    began = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "initial", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    write(Numbers(asked.initial).all, asked.out)

    def work() -> None:
        left = asked.seconds - WRITING_SECONDS - (time.monotonic() - began)
        found = solve(asked.model, asked.initial, asked.out, budget=Budget(seconds=max(left, 0.0)), seed=asked.seed)
        report(
            "machine_reassignment",
            **{"start": found.start_value, "value": found.value, "trials": found.trials, "reason": found.reason},
            seconds=round(time.monotonic() - began, 2),
        )

    within(asked.seconds - 0.1, work)


if __name__ == "__main__":
    main()

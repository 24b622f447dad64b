"""Vector bin packing through the product's own packing: `--instance F --seconds S --out O`; last line JSON.

File: dimensions, a capacity for each, how many lines, then a size for each dimension and a demand per line.
Answer: one bin number for each item, in order.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from pathlib import Path

import numpy as np

from benchmarks.harness import report
from placement.engine.packing.pack import Packed, pack

WRITING_SECONDS = 0.3


def instance(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Sizes, one row an item, and the capacity."""
    numbers = np.array(path.read_text().split(), dtype=np.float64)
    width = int(numbers[0])
    capacity, lines = numbers[1 : 1 + width], numbers[2 + width :].reshape(-1, width + 1)
    return np.repeat(lines[:, :width], lines[:, width].astype(np.int64), axis=0), capacity


def feasible(sizes: np.ndarray, capacity: np.ndarray, bins: list[int]) -> bool:
    """Whether every item is in a bin and no bin is over its capacity, counted plainly."""
    content: dict[int, np.ndarray] = {}
    for size, bin_number in zip(sizes, bins, strict=True):
        content[bin_number] = content.get(bin_number, np.zeros(len(capacity))) + size
    return min(bins) >= 0 and all((total <= capacity).all() for total in content.values())


def first_fit(sizes: np.ndarray, capacity: np.ndarray) -> list[int]:
    """An answer at once, in plain Python, should nothing else be ready in time."""
    free: list[np.ndarray] = []
    bins = []
    for size in sizes:
        place = next((place for place, room in enumerate(free) if (size <= room).all()), len(free))
        if place == len(free):
            free.append(capacity.copy())
        free[place] -= size
        bins.append(place)
    return bins


def write(bins: list[int], out: Path) -> None:
    """In one go."""
    fresh = out.with_name(f"{out.name}.new")
    fresh.write_text(" ".join(map(str, bins)) + "\n")
    fresh.replace(out)


def main() -> None:
    """Print what was found."""
    began = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instance", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    sizes, capacity = instance(asked.instance)
    write(first_fit(sizes, capacity), asked.out)

    def work() -> None:
        left = asked.seconds - WRITING_SECONDS - (time.monotonic() - began)
        found = pack(sizes, capacity, seconds=max(left, 0.0), seed=asked.seed)
        write(found.bins.tolist(), asked.out)
        print_found(found, time.monotonic() - began)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(asked.seconds - 0.1)
    if worker.is_alive():
        report("vector_bin_packing", reason="time was up before an answer better than first fit was written")
        os._exit(0)


def print_found(found: Packed, seconds: float) -> None:
    """The JSON line."""
    figures = {"bins": found.count, "bound": found.bound, "reason": found.reason}
    report("vector_bin_packing", **figures, seconds=round(seconds, 2))


if __name__ == "__main__":
    main()

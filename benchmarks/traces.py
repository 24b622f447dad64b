"""Load that varies: `make bench-traces`; last line JSON.

PlanetLab days: the machines common to two consecutive trace days are placed from the first day alone, in pools of ten
whole CPUs; judged by the second: pools, and the share of (pool, 5 minutes) over capacity. Beside it the sum of peaks.
Then seven simulated days of stationary noise on a fleet that has converged: how many moves a watch with two marks asks
for, and how many a single mark without memory would have.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.harness import report
from benchmarks.instances import instances
from placement.engine.load import Loads, PoolLoad, learned
from placement.engine.rebalance.hysteresis import Marks, Watch

CAPACITY, HEADROOM, Z, CORRELATION = 1000.0, 0.30, 3.0, 0.5
HOURS = 24
FULL = 0.15
"""Headroom of the simulated fleet: as full as it may be, so that noise does cross a single mark."""


def day(path: Path) -> dict[str, np.ndarray]:
    """A machine's name and its 288 loads in percent of a CPU."""
    with gzip.open(path, "rt") as lines:
        return {row[0]: np.array(row[1:], dtype=np.float64) for row in csv.reader(lines)}


def by_forecast(samples: np.ndarray) -> list[int]:
    """As many pools as first fit falling needs, room judged by max(mean + z sigma, profile) with headroom; then evenly.

    What nobody can forecast from one day, drift, is borne best where no pool is fuller than the others.
    """
    loads = learned(samples, slots=HOURS)
    pools = [
        PoolLoad(HOURS, z=Z, correlation=CORRELATION) for _ in range(max(first_fit(samples, headroom=HEADROOM)) + 1)
    ]
    chosen = [0] * len(samples)
    for one in np.argsort(-(loads.mean + Z * np.sqrt(loads.variance)), kind="stable").tolist():
        place = min(range(len(pools)), key=lambda place: pools[place].peak_with(loads, one))
        pools[place].add(loads, one)
        chosen[one] = place
    return chosen


def first_fit(samples: np.ndarray, *, headroom: float) -> list[int]:
    """First fit falling by forecast load. A pool number each."""
    loads = learned(samples, slots=HOURS)
    pools: list[PoolLoad] = []
    chosen = [0] * len(samples)
    for one in np.argsort(-(loads.mean + Z * np.sqrt(loads.variance)), kind="stable").tolist():
        fits = lambda pool, one=one: pool.peak_with(loads, one) <= CAPACITY * (1 - headroom)  # noqa: E731
        place = next((place for place, pool in enumerate(pools) if fits(pool)), len(pools))
        if place == len(pools):
            pools.append(PoolLoad(HOURS, z=Z, correlation=CORRELATION))
        pools[place].add(loads, one)
        chosen[one] = place
    return chosen


def by_peaks(samples: np.ndarray) -> list[int]:
    """First fit falling by the sum of peaks, the whole capacity used."""
    peaks, free = samples.max(axis=1), []
    chosen = [0] * len(samples)
    for one in np.argsort(-peaks, kind="stable").tolist():
        place = next((place for place, room in enumerate(free) if peaks[one] <= room), len(free))
        if place == len(free):
            free.append(CAPACITY)
        free[place] -= peaks[one]
        chosen[one] = place
    return chosen


def overloaded(samples: np.ndarray, chosen: list[int]) -> float:
    """The share of (pool, 5 minutes) over capacity."""
    used = np.zeros((max(chosen) + 1, samples.shape[1]))
    np.add.at(used, chosen, samples)
    return float((used > CAPACITY).mean())


def placed(folder: Path) -> dict[str, object]:
    """Each pair of consecutive days, and all together."""
    pairs, rows = list(pairwise(sorted(folder.glob("planetlab_*.csv.gz")))), {}
    for first, second in pairs:
        before, after = day(first), day(second)
        common = sorted(before.keys() & after.keys())
        past, future = np.array([before[name] for name in common]), np.array([after[name] for name in common])
        forecast, peaks = by_forecast(past), by_peaks(past)
        row = {
            "machines": len(common),
            "pools": max(forecast) + 1,
            "pools_by_peaks": max(peaks) + 1,
            "overloaded_percent": round(100 * overloaded(future, forecast), 3),
        }
        rows[f"{first.name[10:18]}-{second.name[10:18]}"] = row
        print(first.name[10:18], second.name[10:18], row, flush=True)
    ours, theirs = (sum(int(row[name]) for row in rows.values()) for name in ("pools", "pools_by_peaks"))
    worst = max(float(row["overloaded_percent"]) for row in rows.values())
    return {"pairs": rows, "pools_share_of_peaks": round(ours / theirs, 3), "worst_overloaded_percent": worst}


def noisy_week(seed: int) -> tuple[np.ndarray, Loads]:
    """A week of 5-minute loads of 400 databases: a rhythm each and noise that lasts, nothing that grows."""
    random = np.random.default_rng(seed)
    databases, length = 400, 8 * 288
    level, phase = random.lognormal(2.0, 0.8, (databases, 1)), random.normal(0.0, 2.0, (databases, 1))
    rhythm = 1 + 0.5 * np.sin(2 * np.pi * (np.arange(length) / 288) + phase)
    noise = np.zeros((databases, length))
    for slot in range(1, length):
        noise[:, slot] = 0.9 * noise[:, slot - 1] + random.normal(0.0, 0.13, databases)
    samples = np.maximum(level * (rhythm + noise), 0.0)
    return samples, learned(samples[:, :288], slots=HOURS)


def moves_on(look: Callable[[np.ndarray], np.ndarray], samples: np.ndarray, chosen: list[int]) -> int:
    """How many pools are asked to be relieved in seven days of hourly looks at forecasts from the last 24 hours."""
    asked = 0
    for hour in range(24, 8 * 24):
        loads = learned(samples[:, (hour - 24) * 12 : hour * 12], slots=HOURS)
        pools = [PoolLoad(HOURS, z=Z, correlation=CORRELATION) for _ in range(max(chosen) + 1)]
        peaks = np.zeros(len(pools))
        for one, place in enumerate(chosen):
            peaks[place] = pools[place].peak_with(loads, one)
            pools[place].add(loads, one)
        asked += int(look(peaks / CAPACITY).sum())
    return asked


def stationary(seeds: int) -> dict[str, int]:
    """Pools to be relieved though nothing has changed: with the watch, and by a single mark at the placement's level."""
    with_watch = single = 0
    for seed in range(seeds):
        samples, _ = noisy_week(seed)
        chosen = first_fit(samples[:, :288], headroom=FULL)
        with_watch += moves_on(Watch(max(chosen) + 1, Marks()).look, samples, chosen)
        single += moves_on(lambda load: load > 1 - FULL, samples, chosen)
    return {"weeks": seeds, "relieved_with_watch": with_watch, "relieved_by_a_single_mark": single}


def main() -> None:
    """Print what was measured."""
    figures = placed(instances("traces"))
    noise = stationary(seeds=2)
    print("stationary noise", noise)
    report("traces", **figures, stationary=noise)


if __name__ == "__main__":
    main()

"""What each database would use if nothing held it back: a pure function of seed, database, size and minute.

Every database has a character of its own: a level, a daily and a weekly rhythm by the local time of its region, bursts
of minutes, noise, data that grows; one in twenty is unruly and misbehaves for hours. Minutes count since the epoch
(UTC). Local time knows no daylight saving.
"""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Minutes = npt.NDArray[np.int64]

DAY = 1440
GIB = 1024**3
UNRULY_SHARE, UNRULY_DAYS = 0.05, 0.35
BURST_MINUTES = 10
LOADING_DAYS = 3.0  # in which a new database receives its first data
UTC_OFFSET_HOURS = {
    **dict.fromkeys(("eastus", "eastus2", "canadaeast", "canadacentral"), -5.0),
    **dict.fromkeys(("centralus", "northcentralus", "southcentralus"), -6.0),
    **dict.fromkeys(("westus3", "westcentralus"), -7.0),
    **dict.fromkeys(("westus", "westus2"), -8.0),
    **dict.fromkeys(("northeurope", "uksouth", "ukwest"), 0.0),
    **dict.fromkeys(("westeurope",), 1.0),
    **dict.fromkeys(("centralindia", "southindia", "westindia"), 5.5),
    **dict.fromkeys(("southeastasia", "eastasia"), 8.0),
    **dict.fromkeys(("japaneast", "japanwest"), 9.0),
    **dict.fromkeys(("australiaeast", "australiasoutheast"), 10.0),
}


@dataclass(frozen=True, slots=True)
class Character:
    """How one database behaves. `level` is its mean share of its nominal vCores; the other rates follow its CPU."""

    key: int
    level: float
    peak_hour: float
    sharpness: float
    weekend: float
    burst_share: float
    noise: float
    unruly: bool
    log_mb_per_vcore: float
    reads_per_vcore: float
    workers_per_vcore: float
    idle_sessions: float
    first_gb: float
    growth_gb_per_day: float


@lru_cache(maxsize=32_768)
def character_of(seed: int, database_id: str) -> Character:
    """The same one for the same seed and database, in every process."""
    dice = random.Random(f"workload:{seed}:{database_id}")  # noqa: S311 - a simulated load
    by_night = dice.random() < 0.15
    return Character(
        key=int.from_bytes(hashlib.sha256(f"{seed}:{database_id}".encode()).digest()[:8], "big"),
        level=dice.lognormvariate(math.log(0.03), 0.8),
        peak_hour=dice.gauss(2.0, 1.5) if by_night else dice.gauss(13.0, 2.0),
        sharpness=dice.uniform(0.4, 1.6),
        weekend=dice.uniform(0.2, 0.95),
        burst_share=dice.uniform(0.005, 0.03),
        noise=dice.uniform(0.08, 0.25),
        unruly=dice.random() < UNRULY_SHARE,
        log_mb_per_vcore=dice.lognormvariate(math.log(0.8), 0.5),
        reads_per_vcore=dice.lognormvariate(math.log(120.0), 0.5),
        workers_per_vcore=dice.uniform(12.0, 30.0),
        idle_sessions=dice.uniform(2.0, 12.0),
        first_gb=dice.lognormvariate(math.log(1.5), 1.0),
        growth_gb_per_day=dice.lognormvariate(math.log(0.02), 1.0),
    )


def wanted_vcores(character: Character, *, nominal_vcores: float, utc_offset_hours: float, minutes: Minutes) -> Floats:
    """The vCores that the database asks for in each minute, whether or not it gets them."""
    local = minutes + int(utc_offset_hours * 60)
    steady = character.level * _rhythm(character, local) * _week(character, local)
    restless = steady * _noise(character, minutes) * _bursts(character, minutes)
    share = restless + (_unruly(character, local) if character.unruly else 0.0)
    return np.maximum(share * nominal_vcores, 0.0)


def stored_bytes(character: Character, *, empty_bytes: float, age_days: Floats) -> Floats:
    """Data kept: the first load arrives within days, then it grows slowly and steadily."""
    first = character.first_gb * (1.0 - np.exp(-age_days / LOADING_DAYS))
    return empty_bytes + (first + character.growth_gb_per_day * age_days) * GIB


def _rhythm(character: Character, local: Minutes) -> Floats:
    """The day: mean 1, highest at the peak hour."""
    angle = (local % DAY / 60.0 - character.peak_hour) * (math.pi / 12.0)
    day: Floats = np.exp(character.sharpness * np.cos(angle)) / _mean_of_day(character.sharpness)
    return day


@lru_cache(maxsize=32_768)
def _mean_of_day(sharpness: float) -> float:
    """The mean of exp(sharpness * cos) over a turn: the Bessel function I0, to ten places for sharpness up to 2."""
    return sum((sharpness / 2) ** (2 * k) / math.factorial(k) ** 2 for k in range(12))


def _week(character: Character, local: Minutes) -> Floats:
    is_weekend = (local // DAY + 3) % 7 >= 5  # the epoch began on a Thursday
    return np.where(is_weekend, character.weekend, 1.0)


def _noise(character: Character, minutes: Minutes) -> Floats:
    """Around 1: a slow part that changes over quarters of an hour, and a quick one."""
    quarter, within = minutes // 15, (minutes % 15) / 15.0
    slow = _bell(character, 1, quarter) * (1.0 - within) + _bell(character, 1, quarter + 1) * within
    return np.exp(character.noise * (slow + 0.5 * _bell(character, 2, minutes)))


def _bursts(character: Character, minutes: Minutes) -> Floats:
    slot = minutes // BURST_MINUTES
    strength = 2.0 + 4.0 * _uniform(character, 4, slot)
    return np.where(_uniform(character, 3, slot) < character.burst_share, strength, 1.0)


def _unruly(character: Character, local: Minutes) -> Floats:
    """On some days, for two to six hours, most of what it may take at all."""
    today = local // DAY
    return np.maximum(_episode(character, local, today), _episode(character, local, today - 1))


def _episode(character: Character, local: Minutes, day: Minutes) -> Floats:
    start = day * DAY + _uniform(character, 6, day) * DAY
    length = 120.0 + 240.0 * _uniform(character, 7, day)
    on = (_uniform(character, 5, day) < UNRULY_DAYS) & (local >= start) & (local < start + length)
    return np.where(on, 0.5 + 0.5 * _uniform(character, 8, day), 0.0)


def _bell(character: Character, salt: int, index: Minutes) -> Floats:
    """Roughly normal, mean 0 and deviation 1: the sum of four even draws."""
    total = sum(_uniform(character, 100 * salt + part, index) for part in range(4))
    return (np.asarray(total) - 2.0) * math.sqrt(3.0)


def _uniform(character: Character, salt: int, index: Minutes) -> Floats:
    """Even draws in [0, 1), one an index, always the same ones (SplitMix64 of key, salt and index)."""
    start = np.uint64((character.key + salt * 0xD1B54A32D192ED03) % 2**64)
    mixed = start + index.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    even: Floats = ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return even

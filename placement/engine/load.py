"""How much room databases need together: more than their means, far less than the sum of their peaks.

A pool's load at each slot of a day is max(mean + z * sigma, profile): sums of means, sigma from variances and
covariances within a workspace, and the sum of the databases' usual loads at that time of day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Loads:
    """One row a database: mean, variance of what the profile does not explain, and usual load at each slot of a day.

    Databases of one workspace rise together: what they have in common is not averaged away in a pool.
    """

    mean: Floats
    variance: Floats
    profile: Floats
    workspace: Ints


def learned(samples: Floats, *, slots: int, workspace: Ints | None = None, trust: float = 0.5) -> Loads:
    """From samples, one row a database, of one or more whole days. `slots` of a day are averaged together.

    The profile is shrunk towards the mean: from a single day, half of its shape is chance. What the shrunk profile does
    not explain is the variance.
    """
    databases, length = samples.shape
    mean = samples.mean(axis=1)
    parts = samples.reshape(databases, slots, length // slots)
    shape = parts.mean(axis=2)
    profile = mean[:, None] + trust * (shape - mean[:, None])
    rest = parts - profile[:, :, None]
    alone = np.arange(databases, dtype=np.int64) if workspace is None else workspace
    return Loads(mean, rest.var(axis=(1, 2)), profile, alone)


class PoolLoad:
    """The load of one pool as databases come; keeps sums only, so that a look costs the same however full it is.

    Within a workspace deviations are taken as alike by `correlation`: its variance lies between the sum of variances
    (0) and the square of the sum of sigmas (1).
    """

    def __init__(self, slots: int, *, z: float, correlation: float) -> None:
        self._z, self._correlation = z, correlation
        self._mean, self._variance, self._profile = 0.0, 0.0, np.zeros(slots)
        self._of_workspace: dict[int, float] = {}

    def peak_with(self, loads: Loads, database: int) -> float:
        """The highest slot if this one came too."""
        variance = self._variance + self._more_variance(loads, database)
        flat = self._mean + float(loads.mean[database]) + self._z * float(np.sqrt(variance))
        return max(flat, float((self._profile + loads.profile[database]).max()))

    def add(self, loads: Loads, database: int) -> None:
        """It is in the pool."""
        workspace, variance = int(loads.workspace[database]), float(loads.variance[database])
        self._variance += self._more_variance(loads, database)
        self._of_workspace[workspace] = self._of_workspace.get(workspace, 0.0) + float(np.sqrt(variance))
        self._mean += float(loads.mean[database])
        self._profile += loads.profile[database]

    def _more_variance(self, loads: Loads, database: int) -> float:
        variance = float(loads.variance[database])
        sigmas = self._of_workspace.get(int(loads.workspace[database]), 0.0)
        together = (sigmas + float(np.sqrt(variance))) ** 2 - sigmas**2
        return (1 - self._correlation) * variance + self._correlation * together


HALF_TRUST = 24.0  # points of an hour, two weeks of them
WEEK, WORKING = 168, 120  # hours


def remembered(weeks: Floats, *, workspace: Ints | None = None, half_trust: float = HALF_TRUST) -> Loads:
    """From profiles of the week, [4, database, hour]: n, mean, M2 and maximum of each hour.

    What is known from n points is trusted n / (n + half_trust): an hour of the week against the same hour of other days
    (working days, or weekends), that one against the level. So a rhythm of days is known within days, one of weeks within
    weeks, and while data is thin the profile is flat. What the shrunk profile does not explain is the variance. A database
    without any point has zeros: somebody must lend it a load.
    """
    count, mean, squares, _ = weeks
    total = np.maximum(count.sum(axis=1), 1.0)
    level = (count * mean).sum(axis=1) / total
    profile = np.repeat(level[:, None], count.shape[1], axis=1)
    for days in _alike(count.shape[1]):
        profile[:, days] = _shrunk(count[:, days], mean[:, days], level, half_trust)
    variance = (squares + count * (mean - profile) ** 2).sum(axis=1) / total
    alone = np.arange(len(level), dtype=np.int64) if workspace is None else workspace
    return Loads(level, variance, profile, alone)


def _alike(hours: int) -> tuple[slice, ...]:
    """Hours of days that are alike: working days, and weekends."""
    return (slice(0, WORKING), slice(WORKING, hours)) if hours == WEEK else (slice(0, hours),)


def _shrunk(count: Floats, mean: Floats, level: Floats, half_trust: float) -> Floats:
    """Hours of some days, towards the same hour of all of them, towards the level."""
    rows, hours = count.shape
    each, sums = count.reshape(rows, -1, 24), (count * mean).reshape(rows, -1, 24)
    points = each.sum(axis=1)
    day = np.divide(sums.sum(axis=1), points, out=np.zeros_like(points), where=points > 0)
    usual = level[:, None] + points / (points + half_trust) * np.where(points > 0, day - level[:, None], 0.0)
    usual = np.tile(usual, hours // 24)
    shrunk: Floats = usual + count / (count + half_trust) * np.where(count > 0, mean - usual, 0.0)
    return shrunk


FRESH = 0.7  # of what the last day shows beyond the usual: the rest is chance


def brought_up_to_date(loads: Loads, *, seen: Floats, expected: Floats) -> Loads:
    """Loads whose level has changed: by what the last day's mean (`seen`; NaN: nothing) is above or below what the profile
    expects of the same hours. A profile of many weeks would take as many more to learn of it."""
    shift = FRESH * np.where(np.isnan(seen), 0.0, seen - expected)
    profile = np.maximum(loads.profile + shift[:, None], 0.0)
    return Loads(np.maximum(loads.mean + shift, 0.0), loads.variance, profile, loads.workspace)

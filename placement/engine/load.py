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


HALF_TRUST = 24.0  # points of an hour of the week, two weeks of them


def remembered(weeks: Floats, *, workspace: Ints | None = None, half_trust: float = HALF_TRUST) -> Loads:
    """From profiles of the week, [4, database, hour]: n, mean, M2 and maximum of each hour.

    An hour known from n points is trusted n / (n + half_trust): while data is thin the profile is flat. What the shrunk
    profile does not explain is the variance. A database without any point has zeros: somebody must lend it a load.
    """
    count, mean, squares, _ = weeks
    total = np.maximum(count.sum(axis=1), 1.0)
    level = (count * mean).sum(axis=1) / total
    trust = count / (count + half_trust)
    profile = level[:, None] + trust * np.where(count > 0, mean - level[:, None], 0.0)
    variance = (squares + count * (mean - profile) ** 2).sum(axis=1) / total
    alone = np.arange(len(level), dtype=np.int64) if workspace is None else workspace
    return Loads(level, variance, profile, alone)

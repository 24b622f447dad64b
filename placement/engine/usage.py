"""What databases need together in pools, all at once: the peak at the risk quantile, and how often a level is passed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from placement.engine.fleet import Demand, Fleet, Mask, WorkspaceCounts
from placement.engine.load import Loads

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HOURS = 168
SMALL = 1e-9


@dataclass(frozen=True, slots=True)
class Risk:
    """How sure a pool's peak is to be enough: `z` standard deviations above the mean. Deviations of databases of one
    workspace are alike by `correlation`."""

    z: float = 2.0
    correlation: float = 0.5


@dataclass(frozen=True, slots=True)
class PoolsLoad:
    """One row a pool: the sum of the databases' usual vCores in each hour of the week, their mean, and the variance of
    what the hours do not explain."""

    profile: Floats
    mean: Floats
    variance: Floats

    def peaks(self, risk: Risk) -> Floats:
        """The vCores that each pool needs: in its usual busiest hour, with chance deviations."""
        if self.profile.shape[0] == 0:
            return np.zeros(0)
        most: Floats = self.profile.max(axis=1) + risk.z * np.sqrt(np.maximum(self.variance, 0.0))
        return most

    def shares_above(self, level: Floats) -> Floats:
        """The share of the week in which each pool is expected above its level, deviations taken as normal."""
        deviation = np.sqrt(np.maximum(self.variance, 0.0))[:, None]
        above = self.profile - level[:, None]
        surely = (above > 0).astype(np.float64)
        by_chance = ndtr(above / np.maximum(deviation, SMALL))
        share: Floats = np.where(deviation > SMALL, by_chance, surely).mean(axis=1)
        return share


def together(loads: Loads, pool: Ints, *, pools: int, risk: Risk) -> PoolsLoad:
    """What databases need together, given the pool in which each stands (-1: none); what workspaces share adds up."""
    inside = pool >= 0
    profile = np.zeros((pools, loads.profile.shape[1]))
    np.add.at(profile, pool[inside], loads.profile[inside])
    mean = np.bincount(pool[inside], loads.mean[inside], pools).astype(np.float64)
    variance = variances(loads.variance[inside], pool[inside], loads.workspace[inside], pools=pools, risk=risk)
    return PoolsLoad(profile, mean, variance)


def variances(variance: Floats, pool: Ints, workspace: Ints, *, pools: int, risk: Risk) -> Floats:
    """Of each pool's sum: between the sum of variances and, within a workspace, the square of the sum of sigmas."""
    alone = np.bincount(pool, variance, pools)
    pairs, pair = np.unique(np.stack((pool, workspace)), axis=1, return_inverse=True)
    sigmas = np.bincount(pair.ravel(), np.sqrt(np.maximum(variance, 0.0)), pairs.shape[1])
    alike = np.bincount(pairs[0], sigmas**2, pools)
    both: Floats = (1 - risk.correlation) * alone + risk.correlation * alike
    return both


@dataclass(frozen=True, slots=True)
class OneLoad:
    """What one database needs: usual vCores by the hour of the week, mean, and variance of the rest."""

    profile: Floats
    mean: float
    variance: float

    def peak(self, risk: Risk) -> float:
        """What it would need alone."""
        return float(self.profile.max()) + risk.z * float(np.sqrt(self.variance))


@dataclass(frozen=True, slots=True)
class Measured:
    """What the pools of a fleet need, in its order. `known`: pools that were measured, which counts the promises of
    `counted` vCores; later ones are added as asked."""

    load: PoolsLoad
    known: Mask
    counted: Floats
    risk: Risk

    @classmethod
    def nothing(cls, pools: int, risk: Risk) -> Measured:
        """Of pools that nobody has measured yet."""
        load = PoolsLoad(np.zeros((pools, HOURS)), np.zeros(pools), np.zeros(pools))
        return cls(load, np.zeros(pools, dtype=np.bool_), np.zeros(pools), risk)

    def own(self) -> Measured:
        """The same with loads that may change without touching these."""
        load = PoolsLoad(self.load.profile.copy(), self.load.mean.copy(), self.load.variance.copy())
        return Measured(load, self.known.copy(), self.counted.copy(), self.risk)

    def with_one_more(self) -> Measured:
        """For a fleet with a pool more, which nobody has measured."""
        one = np.zeros((1, self.load.profile.shape[1]))
        load = PoolsLoad(
            np.vstack((self.load.profile, one)), np.append(self.load.mean, 0.0), np.append(self.load.variance, 0.0)
        )
        return Measured(load, np.append(self.known, False), np.append(self.counted, 0.0), self.risk)

    def add(self, index: int, load: OneLoad, *, vcores: float) -> None:
        """Count one more database where loads are measured; elsewhere its promise counts. Only on a copy of one's own."""
        if self.known[index]:
            self.load.profile[index] += load.profile
            self.load.mean[index] += load.mean
            self.load.variance[index] += load.variance
            self.counted[index] += vcores

    def need(self, promised: Floats) -> Floats:
        """vCores that each pool needs, given what is promised in it: as measured, and who came since; or as promised."""
        seen = self.load.peaks(self.risk) + np.maximum(promised - self.counted, 0.0)
        need: Floats = np.where(self.known, seen, promised)
        return need

    def share_above(self, level: Floats, promised: Floats) -> Floats:
        """The share of a week in which each pool is expected above its level; by promises where it was never measured."""
        by_hours = self.load.shares_above(level - np.maximum(promised - self.counted, 0.0))
        share: Floats = np.where(self.known, by_hours, promised > level)
        return share

    def asked_by(self, load: OneLoad) -> Usage | None:
        """With what a database needs that asks for a place; None where nothing was measured."""
        return Usage(self.load, self.known, self.counted, load, self.risk) if self.known.any() else None


@dataclass(frozen=True, slots=True)
class Usage:
    """What the pools of a fleet, in its order, are measured to need, and what the database that asks does.

    `known`: pools with a measured load, which counts the promises of `counted` vCores; later ones are added as asked.
    """

    pools: PoolsLoad
    known: Mask
    counted: Floats
    asks: OneLoad
    risk: Risk

    def needed(self, fleet: Fleet, demand: Demand, counts: WorkspaceCounts) -> tuple[Floats, Floats]:
        """vCores of each pool now, and with the database: as promised where nothing was measured."""
        later = np.maximum(fleet.committed_vcores - self.counted, 0.0)
        now = np.where(self.known, self.pools.peaks(self.risk) + later, fleet.committed_vcores)
        then = np.where(self.known, self._with(counts).peaks(self.risk) + later, fleet.committed_vcores + demand.vcores)
        return now, then

    def _with(self, counts: WorkspaceCounts) -> PoolsLoad:
        """Others of its workspace are taken to deviate as much as it does."""
        more = self.asks.variance * (1 + 2 * self.risk.correlation * counts.in_pool)
        pools = self.pools
        return PoolsLoad(pools.profile + self.asks.profile, pools.mean + self.asks.mean, pools.variance + more)

"""Relief: the fewest moves after which no pool needs more than its level, each of them good by itself.

Loads are taken exactly: usual hours of the week, and chance deviations at the risk quantile. One move after the other is
chosen among all that leave every pool within its limits, the one being copied counted at both ends. Who leaves frees
nothing, a pool that was left takes nobody, and one that took somebody is not left: any part of a plan, in any order, is as
safe as the whole. The answer depends on the fleet alone: ties break by position, and positions by id.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from placement.engine.load import Loads
from placement.engine.usage import PoolsLoad, Risk, together

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

LEAST_GAIN = 1e-6
WORTH_A_MOVE = 0.05  # vCores: less is no reason to disturb anybody
NOWHERE = "no move of one of its databases would bring more than it costs another pool"
NOTHING_MOVES = "every database in it stays: moved lately, being changed, deferred by its owner, or not to be moved"
FAIR_SHARE = "all pools together need more than their levels, and it bears no more than the others: there are too few"
TOOK_ONE = "it has taken a database in this plan, the better place for that one; the next plan may relieve it"
OVER_BUDGET = "no more moves were allowed"


@dataclass(frozen=True, slots=True)
class Terrain:
    """Databases and pools that may exchange them, by position.

    `sizes` and `limits`: amounts of what is promised and held at both ends during a copy (bytes, databases, …).
    `level`: vCores that a pool shall need at most. `relieve`: pools that databases may leave. `closed` ones take nobody,
    `allowed[database, pool]` says who may go where at all; `cost` is what a move costs its owner and Azure (GB copied).
    """

    loads: Loads
    pool: Ints
    sizes: Floats
    limits: Floats
    level: Floats
    relieve: Mask
    closed: Mask
    movable: Mask
    allowed: Mask
    cost: Floats
    risk: Risk


@dataclass(frozen=True, slots=True)
class Step:
    """One move, what all pools' overage is smaller by for it, and what source and target need after it."""

    database: int
    source: int
    target: int
    gain: float
    source_after: float
    target_after: float


@dataclass(frozen=True, slots=True)
class Relief:
    """Moves in order, where everybody then stands, and for each pool that stays over its level, why.

    Overages are vCores above the levels, over all pools; `bound` is what no moves whatever could go below, and
    `fewest_moves` how many any plan needs that reaches as little.
    """

    steps: tuple[Step, ...]
    pool: Ints
    before: Floats
    after: Floats
    overage_before: float
    overage_after: float
    bound: float
    fewest_moves: int
    reasons: tuple[tuple[int, str], ...]

    @property
    def gap(self) -> float:
        """vCores above what is proven to be out of reach."""
        return max(0.0, self.overage_after - self.bound)


def relieve(terrain: Terrain, *, most_moves: int) -> Relief:
    """As many moves as help, at most so many; none where nothing is over its level."""
    state = _State(terrain)
    steps: list[Step] = []
    stuck: dict[int, str] = {}
    while len(steps) < most_moves:
        over = state.hottest(stuck)
        if over is None:
            break
        step = state.best_step(over)
        if step is None:
            stuck[over] = state.why_stuck(over)
            continue
        state.take(step)
        steps.append(step)
        stuck.clear()
    return _told(terrain, state, steps, stuck)


class _State:
    """What pools need and hold while moves are taken one by one."""

    def __init__(self, terrain: Terrain) -> None:
        self.terrain, self.pool = terrain, terrain.pool.copy()
        count = len(terrain.level)
        found = together(terrain.loads, self.pool, pools=count, risk=terrain.risk)
        self.profile, self.mean = found.profile, found.mean
        self.alone = np.bincount(self.pool, terrain.loads.variance, count).astype(np.float64)
        self.sigma = np.sqrt(np.maximum(terrain.loads.variance, 0.0))
        self.owners = int(terrain.loads.workspace.max(initial=-1)) + 1
        self.of_owner = np.zeros((count, self.owners))
        np.add.at(self.of_owner, (self.pool, terrain.loads.workspace), self.sigma)
        self.used = np.zeros_like(terrain.limits)
        np.add.at(self.used, self.pool, terrain.sizes)
        self.left = np.zeros(len(self.pool), dtype=np.bool_)
        self.goal = goals(terrain)
        self.closed, self.took = terrain.closed.copy(), np.zeros(count, dtype=np.bool_)

    def variance(self) -> Floats:
        shared = self.terrain.risk.correlation
        both: Floats = (1 - shared) * self.alone + shared * (self.of_owner**2).sum(axis=1)
        return both

    def peaks(self) -> Floats:
        return PoolsLoad(self.profile, self.mean, self.variance()).peaks(self.terrain.risk)

    def hottest(self, stuck: dict[int, str]) -> int | None:
        """The pool furthest above its level of those that are to be relieved and can be; None where there is none."""
        over = np.where(self.terrain.relieve, self.peaks() - self.goal, 0.0)
        over[list(stuck)] = over[self.took] = 0.0
        first = int(np.argmax(over)) if len(over) else 0
        return first if len(over) and over[first] > LEAST_GAIN else None

    def best_step(self, source: int) -> Step | None:
        """Of those that end the overage the cheapest, else the one that lowers it most; the emptiest target for it."""
        members = np.flatnonzero((self.pool == source) & self.terrain.movable & ~self.left)
        if not len(members):
            return None
        peaks, level = self.peaks(), self.goal
        without, with_them = self._without(source, members), self._with(members)
        over = np.maximum(peaks - level, 0.0)
        less = over[source] - np.maximum(without - level[source], 0.0)
        gain = less[:, None] - (np.maximum(with_them - level, 0.0) - over)
        fits = self._fits(members, source) & (gain > WORTH_A_MOVE) & (with_them < peaks[source])
        if not fits.any():
            return None
        gain = np.where(fits, gain, -np.inf)
        return self._chosen(source, members, gain=gain, without=without, with_them=with_them)

    def _chosen(self, source: int, members: Ints, *, gain: Floats, without: Floats, with_them: Floats) -> Step:
        slack = np.where(gain >= gain.max(axis=1, keepdims=True) - LEAST_GAIN, self.goal - with_them, -np.inf)
        target, most = slack.argmax(axis=1), gain.max(axis=1)
        level = self.goal
        there = with_them[np.arange(len(members)), target]
        ends = (without <= level[source] + LEAST_GAIN) & (there <= level[target] + LEAST_GAIN)
        cost = self.terrain.cost[members]
        rank = np.lexsort((-slack.max(axis=1), np.where(ends, cost, -most), ~ends, ~np.isfinite(most)))
        best = int(rank[0])
        return Step(
            *(int(members[best]), source, int(target[best]), float(most[best])),
            *(float(without[best]), float(there[best])),
        )

    def take(self, step: Step) -> None:
        """The database stands in its new pool; it does not move twice in a plan."""
        row, loads = step.database, self.terrain.loads
        for pool, sign in ((step.source, -1.0), (step.target, 1.0)):
            self.profile[pool] += sign * loads.profile[row]
            self.mean[pool] += sign * loads.mean[row]
            self.alone[pool] += sign * loads.variance[row]
            self.of_owner[pool, loads.workspace[row]] += sign * self.sigma[row]
        self.used[step.target] += self.terrain.sizes[row]  # the source keeps its share: copies may overlap
        self.pool[row], self.left[row] = step.target, True
        self.closed[step.source] = self.took[step.target] = True  # so that any part of the plan is as safe as the whole

    def why_stuck(self, source: int) -> str:
        members = (self.pool == source) & self.terrain.movable & ~self.left
        return NOWHERE if members.any() else NOTHING_MOVES

    def why_left(self, pool: int) -> str:
        """Of a pool from which more might leave."""
        if self.took[pool]:
            return TOOK_ONE
        return OVER_BUDGET if self.peaks()[pool] > self.goal[pool] + LEAST_GAIN else FAIR_SHARE

    def _without(self, source: int, members: Ints) -> Floats:
        """What the source needs once each of them, alone, has left."""
        loads, risk = self.terrain.loads, self.terrain.risk
        owner, sigma = loads.workspace[members], self.sigma[members]
        shared = self.of_owner[source]
        alike = (shared**2).sum() - shared[owner] ** 2 + np.maximum(shared[owner] - sigma, 0.0) ** 2
        alone = self.alone[source] - loads.variance[members]
        variance = (1 - risk.correlation) * alone + risk.correlation * alike
        profile = self.profile[source] - loads.profile[members]
        return PoolsLoad(profile, self.mean[source] - loads.mean[members], variance).peaks(risk)

    def _with(self, members: Ints) -> Floats:
        """[member, pool]: what each pool needs once each of them, alone, has come."""
        loads, risk = self.terrain.loads, self.terrain.risk
        now, found = self.variance(), np.empty((len(members), len(self.mean)))
        for row, member in enumerate(members.tolist()):
            sigma = self.sigma[member]
            alike = 2 * self.of_owner[:, loads.workspace[member]] * sigma + sigma**2
            more = (1 - risk.correlation) * loads.variance[member] + risk.correlation * alike
            profile = self.profile + loads.profile[member]
            found[row] = PoolsLoad(profile, self.mean + loads.mean[member], now + more).peaks(risk)
        return found

    def _fits(self, members: Ints, source: int) -> Mask:
        """[member, pool]: whether rules and limits allow it."""
        terrain = self.terrain
        room = (self.used[None] + terrain.sizes[members][:, None] <= terrain.limits[None]).all(axis=2)
        fits: Mask = room & terrain.allowed[members] & ~self.closed[None]
        fits[:, source] = False
        return fits


def _told(terrain: Terrain, state: _State, steps: list[Step], stuck: dict[int, str]) -> Relief:
    before = together(terrain.loads, terrain.pool, pools=len(terrain.level), risk=terrain.risk).peaks(terrain.risk)
    after = state.peaks()
    left = np.flatnonzero(terrain.relieve & (after > terrain.level + LEAST_GAIN)).tolist()
    return Relief(
        steps=tuple(steps),
        pool=state.pool,
        before=before,
        after=after,
        overage_before=_overage(before, terrain.level),
        overage_after=_overage(after, terrain.level),
        bound=least_overage(terrain),
        fewest_moves=fewest_moves(terrain, _overage(after, terrain.level)),
        reasons=tuple((pool, stuck.get(pool) or state.why_left(pool)) for pool in left),
    )


def _overage(peaks: Floats, level: Floats) -> float:
    return float(np.maximum(peaks - level, 0.0).sum())


def goals(terrain: Terrain) -> Floats:
    """The levels or, where all pools together need more than that, the same share of each pool's level: what cannot be
    avoided is then borne by all alike."""
    found = together(terrain.loads, terrain.pool, pools=len(terrain.level), risk=terrain.risk)
    share = float(found.peaks(terrain.risk).sum()) / max(float(terrain.level.sum()), LEAST_GAIN)
    higher: Floats = terrain.level * max(1.0, share)
    return higher


def least_overage(terrain: Terrain) -> float:
    """vCores above the levels, over all pools, that no placing of these databases whatever goes below.

    All pools together need at least the fleet's usual load of its busiest hour and, since sums of roots are never below the
    root of the sum, its chance deviations. One that alone is above the highest level is so anywhere.
    """
    loads, risk = terrain.loads, terrain.risk
    if not len(loads.mean) or not len(terrain.level):
        return 0.0
    busiest = float(loads.profile.sum(axis=0).max())
    chance = risk.z * float(np.sqrt(np.maximum(loads.variance, 0.0).sum()))
    together_over = busiest + chance - float(terrain.level.sum())
    return max(0.0, together_over, float((alone(terrain) - terrain.level.max()).max()))


def alone(terrain: Terrain) -> Floats:
    """What each database would need by itself: a pool's need falls by no more when it leaves."""
    loads, risk = terrain.loads, terrain.risk
    most: Floats = loads.profile.max(axis=1, initial=0.0) + risk.z * np.sqrt(np.maximum(loads.variance, 0.0))
    return most


def fewest_moves(terrain: Terrain, overage: float) -> int:
    """No plan that leaves at most so many vCores of overage makes fewer moves.

    A pool's need falls by no more than what those who leave would need alone; largest first gives the least number. What
    may stay over its level is given to the pools where it saves most moves.
    """
    pools = len(terrain.level)
    before = together(terrain.loads, terrain.pool, pools=pools, risk=terrain.risk).peaks(terrain.risk)
    over, most = np.maximum(before - terrain.level, 0.0), alone(terrain)
    excess = over.sum() - overage - LEAST_GAIN
    if excess <= 0:
        return 0
    falls = []
    for pool in np.flatnonzero(over > 0).tolist():
        mine = np.sort(most[terrain.pool == pool])[::-1]
        reached = np.minimum(np.cumsum(mine), over[pool])
        falls += np.diff(reached, prepend=0.0).tolist()
    sums = np.cumsum(np.sort(np.array(falls))[::-1])
    return int(np.searchsorted(sums, excess)) + 1

"""In which order databases move so that nothing is ever over its limit, the one being copied counted at both ends.

A database waits until its target has room for it. Where all that are left wait for each other, one steps aside to a
third pool. What cannot be reached safely is left where it is, with the reason.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from placement.engine.rebalance.problem import Ints, Problem

TARGET_FULL = "the target never had room while others held theirs"
RULE = "every order would have broken a rule between groups on the way"
NOT_ACCEPTED = "the target is closed, of another kind, or holds one of the same group"


@dataclass(frozen=True, slots=True)
class Move:
    """One database from one pool to another, by position."""

    database: int
    source: int
    target: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Moves in order, places after the last one, and who was left where they are, with the reason."""

    moves: tuple[Move, ...]
    pool: Ints
    left_out: tuple[tuple[int, str], ...]


class Occupancy:
    """Where databases are at one moment of a plan, and whether one more may move."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.pool = problem.databases.pool.copy()
        self.used = np.zeros_like(problem.pools.capacity)
        np.add.at(self.used, self.pool, problem.databases.needs)
        self._of_group: dict[int, list[int]] = defaultdict(list)
        for database, group in enumerate(problem.databases.group.tolist()):
            self._of_group[group].append(database)
        self._needing: dict[int, list[int]] = defaultdict(list)
        for group, others in enumerate(problem.groups.needed):
            for other in others:
                self._needing[other].append(group)

    def why_not(self, database: int, target: int) -> str | None:
        """What forbids this move now, None if nothing does. The copy's source keeps its share meanwhile."""
        problem = self._problem
        kinds = problem.databases.kind[database], problem.pools.kind[target]
        crowded = any(self.pool[other] == target for other in self._others(database))
        if problem.pools.closed[target] or problem.databases.pinned[database] or not problem.accepts[kinds] or crowded:
            return NOT_ACCEPTED
        if (self.used[target] + problem.databases.needs[database] > problem.pools.capacity[target]).any():
            return TARGET_FULL
        return RULE if self._breaks_a_rule(database, target) else None

    def move(self, database: int, target: int) -> Move:
        """Done: the source is free again."""
        source, needs = int(self.pool[database]), self._problem.databases.needs[database]
        self.used[source] -= needs
        self.used[target] += needs
        self.pool[database] = target
        return Move(database, source, target)

    def _others(self, database: int) -> list[int]:
        group = int(self._problem.databases.group[database])
        return [other for other in self._of_group[group] if other != database]

    def _breaks_a_rule(self, database: int, target: int) -> bool:
        """Whether a rule that holds now would not hold after the move."""
        group, source = int(self._problem.databases.group[database]), self.pool[database]
        pools = self._problem.pools
        if pools.zone[source] != pools.zone[target] and self._misses_a_group(database, int(target)):
            return True
        staying = {int(pools.site[self.pool[other]]) for other in self._others(database)}
        before, after = staying | {int(pools.site[source])}, staying | {int(pools.site[target])}
        return len(after) < min(len(before), int(self._problem.groups.sites[group]))

    def _misses_a_group(self, database: int, target: int) -> bool:
        zone, group = self._problem.pools.zone, int(self._problem.databases.group[database])
        left, entered = zone[self.pool[database]], zone[target]
        needed, needing = self._problem.groups.needed[group], self._needing[group]
        if any(not self._stands_in(other, entered) for other in needed if other != group):
            return True
        stays = any(zone[self.pool[other]] == left for other in self._others(database))
        return not stays and any(self._stands_in(other, left) for other in needing if other != group)

    def _stands_in(self, group: int, zone: np.int64) -> bool:
        return any(self._problem.pools.zone[self.pool[database]] == zone for database in self._of_group[group])


def in_safe_order(problem: Problem, wanted: Ints) -> Plan:
    """Moves from where databases stand to where they are wanted, each allowed after all before it."""
    state = Occupancy(problem)
    waiting = np.flatnonzero(wanted != state.pool).tolist()
    moves: list[Move] = []
    aside: set[int] = set()
    while waiting:
        moved = [state.move(database, int(wanted[database])) for database in waiting if _may(state, database, wanted)]
        if not moved:
            moved = _step_aside(state, waiting, wanted, aside)
        if not moved:
            break
        moves += moved
        waiting = [database for database in waiting if state.pool[database] != wanted[database]]
    reasons = tuple((database, state.why_not(database, int(wanted[database])) or TARGET_FULL) for database in waiting)
    return Plan(tuple(moves), state.pool, reasons)


def _may(state: Occupancy, database: int, wanted: Ints) -> bool:
    return state.why_not(database, int(wanted[database])) is None


def _step_aside(state: Occupancy, waiting: list[int], wanted: Ints, aside: set[int]) -> list[Move]:
    """One database that others wait for moves to the emptiest pool that takes it; each steps aside once at most."""
    blocked = {int(wanted[database]) for database in waiting}
    for database in waiting:
        if database in aside or int(state.pool[database]) not in blocked:
            continue
        for pool in np.argsort(state.used.sum(axis=1), kind="stable").tolist():
            if pool not in blocked and pool != state.pool[database] and state.why_not(database, pool) is None:
                aside.add(database)
                return [state.move(database, pool)]
    return []

"""The hard rules. Each says by how much every pool misses it; a pool that misses one is not chosen.

A rule that is met or not (a region, a flag) misses by 1, without a unit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from placement.engine.fleet import Demand, Fleet, Floats, Ints, Mask, WorkspaceCounts
from placement.engine.policy import Policy

TOLERANCE = 1e-9
"""Sums of fractional vCores carry rounding errors; a miss below this is none."""


@dataclass(frozen=True, slots=True)
class Question:
    """One demand put to one fleet: everything that rules and preferences may look at.

    `vcores_now` is what each pool's databases need together, `vcores_then` with this one: as measured where it is
    known, else as promised.
    """

    fleet: Fleet
    demand: Demand
    policy: Policy
    excluded: Mask
    workspace_counts: WorkspaceCounts
    vcores_now: Floats
    vcores_then: Floats


def region(asked: Question) -> Floats:
    """A database lives in its workspace's region."""
    return _unless(asked.fleet.region.equals(asked.demand.region))


def service_tier(asked: Question) -> Floats:
    """A pool has one service tier for all its databases."""
    return _unless(asked.fleet.service_tier.equals(asked.demand.service_tier))


def auth_mode(asked: Question) -> Floats:
    """Entra-only switches SQL logins off for the whole server, so both sides must agree."""
    return _unless(asked.fleet.auth_mode.equals(asked.demand.auth_mode))


def zone_redundancy(asked: Question) -> Floats:
    """A pool is zone redundant or not, for all its databases."""
    return _unless(asked.fleet.zone_redundant == asked.demand.zone_redundant)


def not_cordoned(asked: Question) -> Floats:
    """A cordoned pool is closed to placement."""
    return _unless(~asked.fleet.cordoned)


def usable(asked: Question) -> Floats:
    """A pool that is not ready, or is going, takes nobody."""
    return _unless(asked.fleet.usable)


def excluded(asked: Question) -> Floats:
    """The caller has just been refused there and asks for another."""
    return _unless(~asked.excluded)


def fits_largest_database(asked: Question) -> Floats:
    """Not even empty could a smaller pool hold it."""
    return asked.demand.countable_bytes - asked.fleet.storage_limit_bytes


def fits_per_database_vcores(asked: Question) -> Floats:
    """One database cannot take more than the pool's per-database maximum."""
    return asked.demand.vcores - asked.fleet.per_database_max_vcores


def has_database_slot(asked: Question) -> Floats:
    """Azure counts databases in a pool, and refuses minimum guarantees that sum to more than the pool (error 40873)."""
    return asked.fleet.databases + 1.0 - database_slots(asked)


def server_has_database_slot(asked: Question) -> Floats:
    """A server full of databases gets slow long before Azure refuses (5000)."""
    return asked.fleet.server_databases + 1.0 - asked.fleet.server_max_databases


def has_free_storage(asked: Question) -> Floats:
    """The pool's promises and this one stay below its limit less headroom."""
    return asked.fleet.committed_bytes + asked.demand.countable_bytes - storage_ceiling(asked)


def has_free_vcores(asked: Question) -> Floats:
    """The pool carries the demand and keeps its headroom."""
    return asked.vcores_then - vcores_ceiling(asked)


def within_overcommit(asked: Question) -> Floats:
    """However little its databases use, no more is promised in a pool than so many times what it has."""
    return asked.fleet.committed_vcores + asked.demand.vcores - _most_promised(asked)


def database_slots(asked: Question) -> Floats:
    """How many databases each pool may hold: Azure's number, or fewer where each is guaranteed a part of the pool."""
    fleet = asked.fleet
    guarantees = fleet.per_database_min_vcores > 0
    slots = fleet.max_databases.astype(np.float64)
    guaranteed = np.floor(fleet.vcores[guarantees] / fleet.per_database_min_vcores[guarantees] + TOLERANCE)
    slots[guarantees] = np.minimum(slots[guarantees], guaranteed)
    return slots


def slots_of(max_databases: int, vcores: float, least_vcores: float) -> float:
    """The same of one pool."""
    return min(max_databases, vcores // least_vcores) if least_vcores > 0 else float(max_databases)


def storage_ceiling(asked: Question) -> Floats:
    """How many bytes each pool may have promised once it holds this demand."""
    limit = asked.fleet.storage_limit_bytes
    headroom = np.maximum(limit * asked.policy.headroom_storage_fraction, asked.fleet.headroom_bytes)
    return _ceiling(limit, headroom, asked.demand.countable_bytes)


def vcores_ceiling(asked: Question) -> Floats:
    """How many vCores each pool's databases may need once it holds this demand."""
    limit = asked.fleet.vcores
    headroom = np.maximum(limit * asked.policy.headroom_vcores_fraction, asked.fleet.headroom_vcores)
    return _ceiling(limit, headroom, asked.demand.vcores)


def promise_ceiling(asked: Question) -> Floats:
    """How many vCores each pool may have promised once it holds this demand, by what its databases need."""
    promised = asked.fleet.committed_vcores + asked.demand.vcores
    return np.minimum(_most_promised(asked), promised + vcores_ceiling(asked) - asked.vcores_then)


def _most_promised(asked: Question) -> Floats:
    return asked.fleet.vcores * asked.policy.overcommit


def _ceiling(limit: Floats | Ints, headroom: Floats, needed: float) -> Floats:
    """How far promises may go: the limit less headroom, or the whole limit for a database that has the pool to itself.

    Headroom protects neighbours from each other's growth. Without this exception no pool could ever hold a database
    of nearly its own size, and 4 TB pools none of 4 TB.
    """
    return np.minimum(limit, np.maximum(limit - headroom, needed))


def _unless(met: Mask) -> Floats:
    return np.where(met, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Constraint:
    """A hard rule by name. `missing` is positive, in `unit`, where a pool fails it."""

    name: str
    unit: str
    missing: Callable[[Question], Floats]


CONSTRAINTS = (
    Constraint("region", "", region),
    Constraint("service_tier", "", service_tier),
    Constraint("auth_mode", "", auth_mode),
    Constraint("zone_redundancy", "", zone_redundancy),
    Constraint("usable", "", usable),
    Constraint("not_cordoned", "", not_cordoned),
    Constraint("excluded", "", excluded),
    Constraint("fits_largest_database", "bytes", fits_largest_database),
    Constraint("fits_per_database_vcores", "vcores", fits_per_database_vcores),
    Constraint("has_free_storage", "bytes", has_free_storage),
    Constraint("has_free_vcores", "vcores", has_free_vcores),
    Constraint("within_overcommit", "vcores", within_overcommit),
    Constraint("has_database_slot", "databases", has_database_slot),
    Constraint("server_has_database_slot", "databases", server_has_database_slot),
)


def shortfalls(asked: Question) -> Floats:
    """One row a constraint, one column a pool: how much is missing, at most 0 where nothing is."""
    missing = np.empty((len(CONSTRAINTS), len(asked.fleet)))
    for row, constraint in enumerate(CONSTRAINTS):
        missing[row] = constraint.missing(asked)
    return missing

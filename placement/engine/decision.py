"""A choice that explains itself: why here, why not there, and by how much."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from placement.engine.fleet import Demand
from placement.engine.policy import GIBIBYTE


@dataclass(frozen=True, slots=True)
class Refusal:
    """What one constraint refused.

    `alone` counts pools that nothing else refused. `nearest_pool_id` is the pool that fewest other constraints refuse
    (`also_refused_by`), then the one that misses least: `missing`, in `unit`.
    """

    constraint: str
    refused: int
    alone: int
    nearest_pool_id: str
    missing: float
    unit: str
    also_refused_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shortfall:
    """By how much one pool misses one rule, in `unit`; 1 without a unit: it is not met."""

    constraint: str
    missing: float
    unit: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pool that could take the database, with its score terms in order of weight; lower is better."""

    pool_id: str
    scores: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Ceilings:
    """How far the chosen pool's promises may go with this demand on board: the guard of whoever takes the room."""

    committed_bytes: int
    committed_vcores: float
    databases: int


@dataclass(frozen=True, slots=True)
class Decision:
    """The pool for one demand, or None, and everything that led there. `candidates` starts with the chosen one."""

    demand: Demand
    pools: int
    feasible: int
    candidates: tuple[Candidate, ...]
    refusals: tuple[Refusal, ...]
    ceilings: Ceilings | None

    @property
    def pool_id(self) -> str | None:
        """The chosen pool, or None when no pool may take it."""
        return self.candidates[0].pool_id if self.candidates else None

    @property
    def reason(self) -> str:
        """One sentence for people."""
        if self.candidates:
            return f"{self.pool_id} is the best of {self.feasible} pools that can take it, among {self.pools}."
        if not self.refusals:
            return "There are no pools."
        return f"None of {self.pools} pools can take it; {_miss(min(self.refusals, key=_distance))}."

    def as_dict(self) -> dict[str, Any]:
        """The decision in JSON's types, to be stored with the operation that asked."""
        return {
            "pool_id": self.pool_id,
            "reason": self.reason,
            "demand": asdict(self.demand),
            "pools": self.pools,
            "feasible": self.feasible,
            "candidates": [{"pool_id": one.pool_id, "scores": dict(one.scores)} for one in self.candidates],
            "ceilings": asdict(self.ceilings) if self.ceilings else None,
            "refusals": [{**asdict(one), "also_refused_by": list(one.also_refused_by)} for one in self.refusals],
        }


def _distance(refusal: Refusal) -> tuple[int, bool]:
    """A pool that one rule refuses is nearer than one that several do; a lack that can be counted says more."""
    return len(refusal.also_refused_by), not refusal.unit


def _miss(refusal: Refusal) -> str:
    return f"the nearest, {refusal.nearest_pool_id}, fails {refusal.constraint}{_amount(refusal)}"


def _amount(refusal: Refusal) -> str:
    if refusal.unit == "bytes":
        return f" by {refusal.missing / GIBIBYTE:.1f} GB"
    return f" by {refusal.missing:g} {refusal.unit}" if refusal.unit else ""

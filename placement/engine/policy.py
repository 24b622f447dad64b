"""What operators may tune: headroom, the order of preferences, estimates for newcomers, and the size of new pools.

Numbers without a source mark are ours: first estimates, to be corrected by measured load.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

GIBIBYTE = 2**30
"""Azure's "GB" of database and pool sizes is 1073741824 bytes."""
TEBIBYTE = 2**40


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest database, in bytes, that pools and Hyperscale are asked to hold; configuration, not Azure's law."""

    elastic_pool_bytes: int = 4 * TEBIBYTE
    hyperscale_bytes: int = 100 * TEBIBYTE


@dataclass(frozen=True, slots=True)
class DemandEstimate:
    """Expected vCores of a database that has no history: a base and a share for each TB of planned capacity."""

    base_vcores: float
    vcores_per_tebibyte: float


NEWCOMERS = MappingProxyType({"fhir": DemandEstimate(0.5, 2.0), "dicom": DemandEstimate(0.25, 0.5)})
"""FHIR answers searches all day; DICOM Cast and the DICOM index mostly store."""


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """How a new pool is cut: hardware, smallest size worth creating, and what one database may take of it.

    8 vCores of General Purpose Gen5 carry 2 TB, the most storage a vCore of any size; larger ones are made only for
    a database that needs them. A guarantee of 0 lets idle databases cost their neighbours nothing.
    """

    family: str = "Gen5"
    smallest_vcores: int = 8
    per_database_min_vcores: float = 0.0
    per_database_max_vcores: float = 4.0


@dataclass(frozen=True, slots=True)
class Policy:
    """Headroom as shares of a pool's limit, soft terms in order of weight, estimates and sizes.

    `overcommit`: so many times its vCores may be promised in a pool whose databases are measured to need less.
    `hyperscale_vcores` pairs an upper size in bytes with the vCores given to databases up to it, in rising order.
    """

    headroom_storage_fraction: float = 0.10
    headroom_vcores_fraction: float = 0.20
    overcommit: float = 2.0
    terms: tuple[str, ...] = ("spread_over_pools", "spread_over_servers", "matching_room", "leftover_room")
    runners_up: int = 3
    limits: Limits = field(default_factory=Limits)
    new_pool: PoolPlan = field(default_factory=PoolPlan)
    demand_estimates: Mapping[str, DemandEstimate] = field(default_factory=lambda: NEWCOMERS)
    hyperscale_vcores: tuple[tuple[int, int], ...] = (
        (5 * TEBIBYTE, 4),
        (10 * TEBIBYTE, 8),
        (20 * TEBIBYTE, 16),
        (50 * TEBIBYTE, 32),
        (100 * TEBIBYTE, 80),
    )

    def __post_init__(self) -> None:
        fractions = (self.headroom_storage_fraction, self.headroom_vcores_fraction)
        if not all(0 <= fraction < 1 for fraction in fractions):
            raise ValueError("a headroom is a share of the pool, at least 0 and below 1")
        if self.overcommit < 1:
            raise ValueError("at least what a pool has may be promised in it")

    def expected_vcores(self, *, service_kind: str, storage_bytes: int) -> float:
        """vCores a newcomer of this kind and planned size will need. Raises KeyError for a kind without an estimate."""
        estimate = self.demand_estimates[service_kind]
        return estimate.base_vcores + estimate.vcores_per_tebibyte * storage_bytes / TEBIBYTE

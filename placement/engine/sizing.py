"""What to create: which tier holds a size, which pool to make for a demand, how much compute Hyperscale gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from placement.engine.catalogue import PoolSize, sizes_of
from placement.engine.fleet import Demand
from placement.engine.policy import GIBIBYTE, Limits, Policy


class Tier(StrEnum):
    """The two homes of a database."""

    ELASTIC_POOL = "elastic_pool"
    HYPERSCALE = "hyperscale"


class SizeRefused(ValueError):
    """No tier holds a database of this size; `code` is stable."""

    code = "SizeNotSupported"


class NoPoolSize(ValueError):
    """Azure sells no pool that could hold the demand; `code` is stable."""

    code = "NoPoolSize"


@dataclass(frozen=True, slots=True)
class PoolShape:
    """The pool to create, in Azure's own size words; `max_databases` is what that size may hold."""

    sku_name: str
    service_tier: str
    family: str
    vcores: int
    max_size_bytes: int
    max_databases: int
    per_database_min_vcores: float
    per_database_max_vcores: float
    zone_redundant: bool


def tier_for(size_bytes: int, limits: Limits) -> Tier:
    """The tier that holds this planned size. Raises SizeRefused above the Hyperscale limit and for nothing at all."""
    if size_bytes <= 0:
        raise SizeRefused(f"a database of {size_bytes} bytes cannot be planned")
    if size_bytes <= limits.elastic_pool_bytes:
        return Tier.ELASTIC_POOL
    if size_bytes <= limits.hyperscale_bytes:
        return Tier.HYPERSCALE
    asked, limit = -(-size_bytes // GIBIBYTE), limits.hyperscale_bytes // GIBIBYTE
    raise SizeRefused(f"{asked:,} GB are more than the {limit:,} GB that a Hyperscale database may have here")


def vcores_for_hyperscale(size_bytes: int, policy: Policy) -> int:
    """Compute for a Hyperscale database of this planned size, by the policy's table. Raises SizeRefused beyond it."""
    for up_to_bytes, vcores in policy.hyperscale_vcores:
        if size_bytes <= up_to_bytes:
            return vcores
    raise SizeRefused(f"{size_bytes} bytes are beyond the table of Hyperscale sizes")


def pool_shape_for(demand: Demand, policy: Policy) -> PoolShape:
    """The smallest pool worth making that takes the demand: with headroom, else as its only database.

    Raises NoPoolSize when no size of that tier and hardware can hold it.
    """
    plan = policy.new_pool
    sizes = sizes_of(demand.service_tier, plan.family)
    worth_making = [size for size in sizes if size.vcores >= plan.smallest_vcores] or list(sizes[-1:])
    size = _smallest(worth_making, demand, _kept_free(policy)) or _smallest(worth_making, demand, (0.0, 0.0))
    if size is None:
        raise NoPoolSize(
            f"no {demand.service_tier} {plan.family} pool holds {demand.storage_bytes} bytes and {demand.vcores} vCores"
        )
    return PoolShape(
        sku_name=size.sku_name,
        service_tier=size.service_tier,
        family=size.family,
        vcores=size.vcores,
        max_size_bytes=size.max_storage_bytes,
        max_databases=size.max_databases,
        per_database_min_vcores=_legal_minimum(size, plan.per_database_min_vcores),
        per_database_max_vcores=_legal_maximum(size, max(plan.per_database_max_vcores, demand.vcores)),
        zone_redundant=demand.zone_redundant,
    )


def _kept_free(policy: Policy) -> tuple[float, float]:
    return policy.headroom_storage_fraction, policy.headroom_vcores_fraction


def _smallest(sizes: Sequence[PoolSize], demand: Demand, kept_free: tuple[float, float]) -> PoolSize | None:
    storage_kept, vcores_kept = kept_free
    for size in sizes:
        has_storage = demand.storage_bytes <= size.max_storage_bytes * (1 - storage_kept)
        if has_storage and demand.vcores <= size.vcores * (1 - vcores_kept):
            return size
    return None


def _legal_maximum(size: PoolSize, wanted_vcores: float) -> float:
    """Azure sells steps: the first that grants the wish, at most the whole pool."""
    return next((step for step in size.per_database_vcores if step >= wanted_vcores), float(size.vcores))


def _legal_minimum(size: PoolSize, wanted_vcores: float) -> float:
    """The guarantee may be 0 or a step; the last step within the wish."""
    return max((step for step in (0.0, *size.per_database_vcores) if step <= wanted_vcores), default=0.0)

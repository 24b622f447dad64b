"""The pool sizes Azure sells and what each may hold. A region's own capabilities, where known, go before this table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from placement.engine.policy import GIBIBYTE


@dataclass(frozen=True, slots=True)
class PoolSize:
    """One row of the table. `per_database_vcores` are the legal maxima of one database; its minimum may also be 0.

    Source: Azure's resource limits for elastic pools (vCore), named with its date in data/elastic_pools.json.
    """

    service_tier: str
    family: str
    sku_name: str
    vcores: int
    max_databases: int
    max_storage_bytes: int
    max_log_mbps: float
    max_data_iops: int
    max_workers: int
    max_sessions: int
    per_database_vcores: tuple[float, ...]


@cache
def pool_sizes() -> tuple[PoolSize, ...]:
    """Every size, smallest first within a tier and family."""
    table = json.loads(files("placement.engine").joinpath("data/elastic_pools.json").read_text("utf-8"))
    sizes = (
        PoolSize(
            **{**row, "per_database_vcores": tuple(row["per_database_vcores"])},
            max_storage_bytes=max_storage_gb * GIBIBYTE,
        )
        for row in table["pools"]
        for max_storage_gb in [row.pop("max_storage_gb")]
    )
    return tuple(sorted(sizes, key=lambda size: (size.service_tier, size.family, size.vcores)))


def sizes_of(service_tier: str, family: str) -> tuple[PoolSize, ...]:
    """The sizes of one tier on one hardware family, smallest first; empty where Azure sells none."""
    return tuple(size for size in pool_sizes() if (size.service_tier, size.family) == (service_tier, family))

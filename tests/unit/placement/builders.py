"""Pools and demands for placement tests: ordinary ones, changed where a test says so."""

from __future__ import annotations

from typing import Any

from placement.engine.fleet import Demand, Pool
from placement.engine.policy import GIBIBYTE


def a_pool(pool_id: str = "p-1", **changes: Any) -> Pool:
    """An empty, healthy General Purpose pool of 8 vCores and 2 TB."""
    ordinary = Pool(
        pool_id=pool_id,
        server_id="s-1",
        region="eastus",
        service_tier="GeneralPurpose",
        auth_mode="sql",
        zone_redundant=False,
        usable=True,
        cordoned=False,
        vcores=8.0,
        storage_limit_bytes=2048 * GIBIBYTE,
        max_databases=500,
        per_database_min_vcores=0.0,
        per_database_max_vcores=4.0,
        server_max_databases=500,
    )
    return ordinary._replace(**changes)


def a_demand(**changes: Any) -> Demand:
    """A small database that the ordinary pool takes."""
    ordinary: dict[str, Any] = {
        "region": "eastus",
        "service_tier": "GeneralPurpose",
        "storage_bytes": 100 * GIBIBYTE,
        "vcores": 0.5,
        "workspace_id": "w-1",
    }
    return Demand(**{**ordinary, **changes})

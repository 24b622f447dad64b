"""What a region offers: the sizes of pools and of single databases, from the same tables that creation is checked against."""

from __future__ import annotations

from typing import Any

from simulator.arm.call import Call
from simulator.arm.capability_values import (
    AVAILABLE,
    DEFAULT,
    GIGABYTES,
    MEGABYTES,
    UNITS,
    ZONE_REDUNDANT_TIERS,
    any_size,
    licenses,
    maintenance_windows,
    one_size,
    sizes_of_a_database,
)
from simulator.arm.database_capabilities import database_editions
from simulator.arm.errors import invalid
from simulator.arm.limits import DEFAULT_POOL_CAPACITY, GIB, POOL_SIZES, PoolSize
from simulator.arm.routing import LOCATION, route
from simulator.http import Response, answer
from simulator.regions import REGIONS, Region, normalised

POOLS, DATABASES = "supportedElasticPoolEditions", "supportedEditions"
POOL_TIERS = ("Standard", "Premium", "Basic", "GeneralPurpose", "BusinessCritical", "Hyperscale")


@route("GET", LOCATION + "/capabilities")
def list_capabilities(call: Call) -> Response:
    """All editions, or those that `include` names."""
    region = REGIONS.get(normalised(call.names["location"]))
    if region is None:
        raise invalid("InvalidLocation", f"An invalid location was specified: '{call.names['location']}'.")
    include = call.request.query.get("include")
    version: dict[str, Any] = {"name": "12.0"}
    if include in (None, DATABASES):
        version[DATABASES] = database_editions(region)
    if include in (None, POOLS):
        version[POOLS] = [_pool_edition(tier, region) for tier in POOL_TIERS]
    version["status"] = DEFAULT
    return answer(200, {"name": region.display_name, "supportedServerVersions": [version], "status": AVAILABLE})


def _pool_edition(tier: str, region: Region) -> dict[str, Any]:
    sizes = [size for size in POOL_SIZES.values() if size.tier == tier]
    return {
        "name": tier,
        "supportedElasticPoolPerformanceLevels": [_pool_level(size, region) for size in sizes],
        "zoneRedundant": tier in ZONE_REDUNDANT_TIERS,
        "status": AVAILABLE,
    }


def _pool_level(size: PoolSize, region: Region) -> dict[str, Any]:
    zoned = size.tier in ZONE_REDUNDANT_TIERS
    windows = maintenance_windows(region, choice=size.tier != "Basic", zoned=zoned)
    return {
        "performanceLevel": {"value": float(size.capacity), "unit": UNITS[size.unit]},
        "sku": size.sku_body(),
        "supportedLicenseTypes": licenses(is_vcore=size.unit == "vCores"),
        "maxDatabaseCount": size.max_databases,
        "includedMaxSize": _included(size),
        "supportedMaxSizes": _pool_storage(size),
        "supportedPerDatabaseMaxSizes": _database_storage(size),
        "supportedPerDatabaseMaxPerformanceLevels": [_per_database(size, limit) for limit in size.per_database_max],
        "zoneRedundant": zoned,
        "supportedMaintenanceConfigurations": windows,
        "status": DEFAULT if DEFAULT_POOL_CAPACITY.get(size.sku.lower()) == size.capacity else AVAILABLE,
    }


def _included(size: PoolSize) -> dict[str, Any]:
    if size.tier == "Basic":
        return {"limit": size.included_bytes // 1024**2, "unit": MEGABYTES}
    return {"limit": (size.included_bytes or size.max_bytes) // GIB, "unit": GIGABYTES}


def _pool_storage(size: PoolSize) -> list[dict[str, Any]]:
    """vCore pools take any number of gigabytes, DTU pools those listed, Basic pools what they have."""
    if size.tier == "Basic":
        return [one_size({"limit": size.max_bytes // 1024**2, "unit": MEGABYTES}, DEFAULT)]
    if not size.storage_choices:
        return [any_size(1, size.max_bytes // GIB)]
    return [
        one_size({"limit": one, "unit": GIGABYTES}, DEFAULT if one * GIB == size.included_bytes else AVAILABLE)
        for one in size.storage_choices
    ]


def _database_storage(size: PoolSize) -> list[dict[str, Any]]:
    if size.unit == "vCores":
        return [any_size(1, (size.max_database_bytes or size.max_bytes) // GIB)]
    largest = size.max_database_bytes or (2 * GIB if size.tier == "Basic" else 1024 * GIB)
    return sizes_of_a_database(largest // 1024**2)


def _per_database(size: PoolSize, limit: float) -> dict[str, Any]:
    lower = [value for value in (0.0, *size.per_database_max) if value <= limit]
    minima = [
        {"limit": float(value), "unit": UNITS[size.unit], "status": AVAILABLE if value else DEFAULT} for value in lower
    ]
    levels = {"limit": float(limit), "unit": UNITS[size.unit], "supportedPerDatabaseMinPerformanceLevels": minima}
    return {**levels, "status": DEFAULT if limit == max(size.per_database_max) else AVAILABLE}

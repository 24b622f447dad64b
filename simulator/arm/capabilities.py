"""What a region offers: the sizes of pools and of single databases, from the same tables that creation is checked against."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from simulator.arm.call import Call
from simulator.arm.errors import invalid
from simulator.arm.limits import (
    DTU_OBJECTIVES,
    GIB,
    POOL_SIZES,
    VCORE_TIERS,
    VCORES,
    DatabaseSize,
    PoolSize,
    database_size,
)
from simulator.arm.routing import LOCATION, route
from simulator.http import Response, answer
from simulator.regions import REGIONS, normalised

POOLS, DATABASES = "supportedElasticPoolEditions", "supportedEditions"
ZONE_REDUNDANT_TIERS = frozenset({"Premium", "GeneralPurpose", "BusinessCritical", "Hyperscale"})
STORAGE = [
    {"storageAccountType": "GRS", "status": "Default"},
    *({"storageAccountType": name, "status": "Available"} for name in ("LRS", "ZRS", "GZRS")),
]
UNITS = {"vCores": "VCores", "DTU": "DTU"}
MAINTENANCE = {"name": "SQL_Default", "zoneRedundant": False, "status": "Default"}


@route("GET", LOCATION + "/capabilities")
def list_capabilities(call: Call) -> Response:
    """All editions, or those that `include` names."""
    region = REGIONS.get(normalised(call.names["location"]))
    if region is None:
        raise invalid("InvalidLocation", f"An invalid location was specified: '{call.names['location']}'.")
    include = call.request.query.get("include")
    version: dict[str, Any] = {"name": "12.0"}
    if include in (None, DATABASES):
        version[DATABASES] = _database_editions()
    if include in (None, POOLS):
        version[POOLS] = _pool_editions()
    version["status"] = "Default"
    return answer(200, {"name": region.display_name, "supportedServerVersions": [version], "status": "Available"})


def _pool_editions() -> list[dict[str, Any]]:
    by_tier = groupby(sorted(POOL_SIZES.values(), key=lambda size: size.tier), key=lambda size: size.tier)
    return [
        {
            "name": tier,
            "supportedElasticPoolPerformanceLevels": [_pool_level(size) for size in sizes],
            "zoneRedundant": tier in ZONE_REDUNDANT_TIERS,
            "status": "Available",
        }
        for tier, sizes in by_tier
    ]


def _pool_level(size: PoolSize) -> dict[str, Any]:
    largest = size.max_database_bytes or size.max_bytes
    return {
        "performanceLevel": {"value": float(size.capacity), "unit": UNITS[size.unit]},
        "sku": size.sku_body(),
        "supportedLicenseTypes": _licenses(is_vcore=size.unit == "vCores"),
        "maxDatabaseCount": size.max_databases,
        "includedMaxSize": _included(size),
        "supportedMaxSizes": _pool_storage(size),
        "supportedPerDatabaseMaxSizes": [_range(1, largest // GIB)],
        "supportedPerDatabaseMaxPerformanceLevels": [_per_database(size, limit) for limit in size.per_database_max],
        "zoneRedundant": size.tier in ZONE_REDUNDANT_TIERS,
        "supportedMaintenanceConfigurations": [MAINTENANCE],
        "status": "Available",
    }


def _included(size: PoolSize) -> dict[str, Any]:
    if size.tier == "Basic":
        return {"limit": size.included_bytes // 1024**2, "unit": "Megabytes"}
    return {"limit": (size.included_bytes or size.max_bytes) // GIB, "unit": "Gigabytes"}


def _pool_storage(size: PoolSize) -> list[dict[str, Any]]:
    """vCore pools take any number of gigabytes, DTU pools those listed, Basic pools what they have."""
    if size.tier == "Basic":
        whole = {"limit": size.max_bytes // 1024**2, "unit": "Megabytes"}
        fixed = {"minValue": whole, "maxValue": whole, "scaleSize": {"limit": 0, "unit": "Megabytes"}}
        return [{**fixed, "status": "Default"}]
    if not size.storage_choices:
        return [_range(1, size.max_bytes // GIB)]
    return [_choice(size, one) for one in size.storage_choices]


def _choice(size: PoolSize, gigabytes: int) -> dict[str, Any]:
    status = "Default" if gigabytes * GIB == size.included_bytes else "Available"
    limits = {"minValue": gigabytes, "maxValue": gigabytes, "scaleSize": 0}
    return {**{name: {"limit": value, "unit": "Gigabytes"} for name, value in limits.items()}, "status": status}


def _per_database(size: PoolSize, limit: float) -> dict[str, Any]:
    lower = [value for value in (0.0, *size.per_database_max) if value <= limit]
    minima = [
        {"limit": float(value), "unit": UNITS[size.unit], "status": "Available" if value else "Default"}
        for value in lower
    ]
    levels = {"limit": float(limit), "unit": UNITS[size.unit], "supportedPerDatabaseMinPerformanceLevels": minima}
    return {**levels, "status": "Available"}


def _range(low: int, high: int) -> dict[str, Any]:
    """Sizes from low to high, in steps of 1 GB."""
    limits = {"minValue": low, "maxValue": high, "scaleSize": 1}
    return {**{name: {"limit": value, "unit": "Gigabytes"} for name, value in limits.items()}, "status": "Available"}


def _licenses(*, is_vcore: bool) -> list[dict[str, Any]]:
    if not is_vcore:
        return []
    names = (("LicenseIncluded", "Default"), ("BasePrice", "Available"))
    return [{"name": name, "status": status} for name, status in names]


def _database_editions() -> list[dict[str, Any]]:
    by_tier = groupby(sorted(_database_sizes(), key=lambda size: size.tier), key=lambda size: size.tier)
    return [
        {
            "name": tier,
            "supportedServiceLevelObjectives": [_objective(size) for size in sizes],
            "zoneRedundant": tier in ZONE_REDUNDANT_TIERS,
            "readScale": {"maxNumberOfReplicas": 4 if tier == "Hyperscale" else 0},
            "supportedStorageCapabilities": STORAGE,
            "status": "Available",
        }
        for tier, sizes in by_tier
    ]


def _database_sizes() -> Iterable[DatabaseSize]:
    yield from (database_size({"name": objective}) for objective in DTU_OBJECTIVES)
    yield from (database_size({"name": f"{prefix}_Gen5_{vcores}"}) for prefix in VCORE_TIERS for vcores in VCORES)


def _objective(size: DatabaseSize) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, size.objective)),
        "name": size.objective,
        "supportedMaxSizes": [_range(1, size.max_bytes // GIB)],
        "performanceLevel": {"value": float(size.capacity), "unit": "VCores" if size.is_vcore else "DTU"},
        "sku": size.sku_body(),
        "supportedLicenseTypes": _licenses(is_vcore=size.is_vcore),
        "includedMaxSize": {"limit": max(size.default_bytes, size.max_bytes) // GIB, "unit": "Gigabytes"},
        "zoneRedundant": size.tier in ZONE_REDUNDANT_TIERS,
        "supportedMaintenanceConfigurations": [MAINTENANCE],
        "status": "Available",
    }

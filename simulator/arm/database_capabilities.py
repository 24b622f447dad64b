"""The editions of single databases that a region offers, with those that are shown and cannot be had."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from simulator.arm.capability_values import (
    AVAILABLE,
    DEFAULT,
    GIGABYTES,
    MEGABYTES,
    STORAGE,
    ZONE_REDUNDANT_TIERS,
    any_size,
    licenses,
    maintenance_windows,
    one_size,
    sizes_of_a_database,
    with_reason,
)
from simulator.arm.limits import DTU_OBJECTIVES, GIB, VCORE_TIERS, VCORES, DatabaseSize, database_size
from simulator.arm.resources import Body
from simulator.regions import Region

TIERS = ("Basic", "Standard", "Premium", "GeneralPurpose", "BusinessCritical", "Hyperscale")
DEFAULT_OBJECTIVES = frozenset({"Basic", "S0", "P1", "GP_Gen5_2", "BC_Gen5_2", "HS_Gen5_2"})
NO_WINDOW = frozenset({"Basic", "S0", "S1"})
SYSTEM_REASON = "'System' is not a valid database edition in this version of SQL Server."
SYSTEM_OBJECTIVES = ("System", *(f"System{word}" for word in ("0", "1", "2", "3", "4", "2L", "3L", "4L")))


def database_editions(region: Region) -> list[Body]:
    """System (which nobody can have), Free, and the tiers that creation accepts."""
    system = _edition("System", [_system_objective(name, region) for name in SYSTEM_OBJECTIVES], zoned=True)
    free = _edition("Free", [_free_objective(region)], zoned=False)
    return [with_reason(system, SYSTEM_REASON), free, *(_tier(name, region) for name in TIERS)]


def _tier(tier: str, region: Region) -> Body:
    objectives = [_objective(size, region) for size in _sizes() if size.tier == tier]
    return _edition(tier, objectives, zoned=tier in ZONE_REDUNDANT_TIERS)


def _edition(name: str, objectives: list[Body], *, zoned: bool) -> Body:
    return {
        "name": name,
        "supportedServiceLevelObjectives": objectives,
        "zoneRedundant": zoned,
        "readScale": {"maxNumberOfReplicas": 4 if name == "Hyperscale" else 0},
        "supportedStorageCapabilities": STORAGE,
        "status": AVAILABLE,
    }


def _sizes() -> Iterable[DatabaseSize]:
    yield from (database_size({"name": objective}) for objective in DTU_OBJECTIVES)
    yield from (database_size({"name": f"{prefix}_Gen5_{vcores}"}) for prefix in VCORE_TIERS for vcores in VCORES)


def _objective(size: DatabaseSize, region: Region) -> Body:
    zoned = size.tier in ZONE_REDUNDANT_TIERS
    head = _head(size.objective, _storage(size), float(size.capacity), size.sku_body(), is_vcore=size.is_vcore)
    included = size.default_bytes if not size.is_vcore else size.max_bytes
    windows = maintenance_windows(region, choice=size.objective not in NO_WINDOW, zoned=zoned)
    return {
        **head,
        "includedMaxSize": {"limit": included // GIB, "unit": GIGABYTES},
        "zoneRedundant": zoned,
        "supportedMaintenanceConfigurations": windows,
        "status": DEFAULT if size.objective in DEFAULT_OBJECTIVES else AVAILABLE,
    }


def _storage(size: DatabaseSize) -> list[Body]:
    if size.is_vcore:
        return [any_size(1, size.max_bytes // GIB)]
    return sizes_of_a_database(size.max_bytes // 1024**2, size.default_bytes // 1024**2)


def _head(name: str, storage: list[Body], value: float, sku: Body, *, is_vcore: bool = False) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        "name": name,
        "supportedMaxSizes": storage,
        "performanceLevel": {"value": value, "unit": "VCores" if is_vcore else "DTU"},
        "sku": sku,
        "supportedLicenseTypes": licenses(is_vcore=is_vcore),
    }


def _system_objective(name: str, region: Region) -> Body:
    sizes = [with_reason(one_size({"limit": size, "unit": GIGABYTES}, ""), SYSTEM_REASON) for size in (5, 30, 50)]
    windows = maintenance_windows(region, choice=False, zoned=True)
    shown = {
        **_head(name, sizes, 0.0, {"name": "System", "tier": "System", "capacity": 0}),
        "zoneRedundant": True,
        "supportedMaintenanceConfigurations": [with_reason(one, SYSTEM_REASON) for one in windows],
    }
    return with_reason(shown, SYSTEM_REASON)


def _free_objective(region: Region) -> Body:
    size = {"limit": 32, "unit": MEGABYTES}
    return {
        **_head("Free", [one_size(size, DEFAULT)], 5.0, {"name": "Free", "tier": "Free", "capacity": 5}),
        "includedMaxSize": size,
        "zoneRedundant": False,
        "supportedMaintenanceConfigurations": maintenance_windows(region, choice=False, zoned=False),
        "status": DEFAULT,
    }

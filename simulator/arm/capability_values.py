"""What the entries of a region's capabilities are made of: amounts, steps, licenses, maintenance windows.

Names, order and statuses as Azure answers api-version 2020-11-01-preview.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from simulator.arm.resources import Body
from simulator.regions import Region

DEFAULT, AVAILABLE, VISIBLE = "Default", "Available", "Visible"
GIGABYTES, MEGABYTES = "Gigabytes", "Megabytes"
UNITS = {"vCores": "VCores", "DTU": "DTU"}
MIB_OF_GIB = 1024
LADDER = (
    100,
    500,
    *(size * MIB_OF_GIB for size in (1, 2, 5, *range(10, 51, 10), *range(100, 301, 50))),
    400 * MIB_OF_GIB,
)
LARGE = tuple(size * MIB_OF_GIB for size in (500, 750, *range(1024, 4097, 256)))
ZONE_REDUNDANT_TIERS = frozenset({"Premium", "GeneralPurpose", "BusinessCritical", "Hyperscale"})
STORAGE: list[Body] = [
    {"storageAccountType": "GRS", "status": DEFAULT},
    {"storageAccountType": "LRS", "status": AVAILABLE},
    *(
        {"storageAccountType": name, "status": AVAILABLE, "reason": f"{name} is available in multi-az regions"}
        for name in ("ZRS", "GZRS")
    ),
]


def amount(megabytes: int) -> Body:
    """In gigabytes where it is at least one."""
    if megabytes < MIB_OF_GIB:
        return {"limit": megabytes, "unit": MEGABYTES}
    return {"limit": megabytes // MIB_OF_GIB, "unit": GIGABYTES}


def one_size(size: Body, status: str) -> Body:
    """A size as it is, with no steps to others."""
    return {"minValue": size, "maxValue": size, "scaleSize": {**size, "limit": 0}, "status": status}


def any_size(low: int, high: int) -> Body:
    """Sizes from low to high, in steps of 1 GB."""
    limits = {"minValue": low, "maxValue": high, "scaleSize": 1}
    return {**{name: {"limit": value, "unit": GIGABYTES} for name, value in limits.items()}, "status": AVAILABLE}


def sizes_of_a_database(largest: int, default: int | None = None) -> list[Body]:
    """The megabytes that a database of the DTU model may be given."""
    return [
        one_size(amount(size), DEFAULT if size == default else AVAILABLE)
        for size in (*LADDER, *LARGE)
        if size <= largest
    ]


def licenses(*, is_vcore: bool) -> list[Body]:
    if not is_vcore:
        return []
    names = (("LicenseIncluded", DEFAULT), ("BasePrice", AVAILABLE))
    return [{"name": name, "status": status} for name, status in names]


def maintenance_windows(region: Region, *, choice: bool, zoned: bool) -> list[Body]:
    """SQL_Default, and the region's two windows for sizes that may choose."""
    names: Iterable[str] = ("SQL_Default", *window_names(region)) if choice else ("SQL_Default",)
    return [
        {"name": name, "zoneRedundant": zoned, "status": AVAILABLE if place else DEFAULT}
        for place, name in enumerate(names)
    ]


def window_names(region: Region) -> tuple[str, str]:
    """Azure SQL's public maintenance configurations of a region, e.g. SQL_WestEurope_DB_1."""
    place = region.display_name.replace(" ", "")
    return f"SQL_{place}_DB_1", f"SQL_{place}_DB_2"


def with_reason(entry: dict[str, Any], reason: str) -> Body:
    """An entry that is shown and cannot be had."""
    return {**entry, "status": VISIBLE, "reason": reason}

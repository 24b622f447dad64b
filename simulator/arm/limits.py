"""What Azure allows: sizes of pools and of single databases, and the quotas of servers and subscriptions."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from simulator.arm.errors import ArmError, invalid
from simulator.arm.resources import Body

GIB = 1024**3
BASIC_BYTES = 100 * 1024**2  # a Basic pool has 100 MB an eDTU, as recorded; the tables round it to gigabytes
EMPTY_BYTES = 4_259_840  # what a new database holds


@dataclass(slots=True)
class Quotas:
    """Of a logical server and a subscription (Azure SQL, limits of logical servers). A vCore counts as 100 DTUs."""

    servers_per_region: int = 20
    databases_per_server: int = 5000
    dtus_per_server: int = 54_000
    vcores_per_region: int = 10_800  # of a subscription; its default is not published: 20 servers of 540
    sql_updates_per_second: float = 12.0  # of a subscription in a region; the provider's own rates are not published
    sql_requests_per_second: float = 200.0
    sql_running_operations: int = 2_500
    copies_per_database: int = 10  # Azure has such a limit and does not tell it
    restores_per_subscription: int = 100
    restores_processed: int = 30  # of a subscription at a time
    restores_processed_per_pool: int = 4
    geo_replicas: int = 4
    named_replicas: int = 30
    closed_regions: frozenset[str] = frozenset()  # that take no new servers of this subscription


@dataclass(frozen=True, slots=True)
class PoolSize:
    """One row of the elastic pool tables. `unit` is vCores or DTU."""

    sku: str
    tier: str
    family: str | None
    capacity: int
    unit: str
    max_bytes: int
    max_databases: int
    per_database_max: tuple[float, ...]
    per_database_min: tuple[float, ...]
    max_database_bytes: int | None
    included_bytes: int

    @property
    def is_hyperscale(self) -> bool:
        return self.tier == "Hyperscale"

    @property
    def dtus(self) -> int:
        return self.capacity * 100 if self.unit == "vCores" else self.capacity

    @property
    def min_bytes(self) -> int:
        """The least storage: a vCore pool 1 GB, a DTU pool 50 GB, a Basic one has no choice."""
        return self.max_bytes if self.tier == "Basic" else GIB if self.unit == "vCores" else 50 * GIB

    @property
    def storage_choices(self) -> tuple[int, ...]:
        """Gigabytes that a DTU pool may be given, as the capabilities of a region list them; any for vCores: empty."""
        if self.unit == "vCores" or self.tier == "Basic":
            return ()
        steps = {50, 100, 150, 200, 250, 300, 400, 500, 750, 800, *range(1024, 4097, 256)}
        steps |= {self.included_bytes // GIB, self.max_bytes // GIB}
        return tuple(sorted(one for one in steps if one * GIB <= self.max_bytes))

    def offers(self, size: int) -> bool:
        """Whether a pool of this size may be given so many bytes."""
        if self.tier == "Basic":
            return size == self.max_bytes
        return size % GIB == 0 and (not self.storage_choices or size // GIB in self.storage_choices)

    def sku_body(self) -> Body:
        family = {"family": self.family} if self.family else {}
        return {"name": self.sku, "tier": self.tier, **family, "capacity": self.capacity}


RETIRED = frozenset({"Fsv2"})  # since October 2026
HYPERSCALE_DATABASES = 25  # in every size that is published; those in preview name none


def _pool_sizes() -> dict[tuple[str, int], PoolSize]:
    document = json.loads((Path(__file__).parent.parent / "data" / "elastic_pool_limits.json").read_text())
    offered = [row for row in document["sizes"] if row["family"] not in RETIRED]
    return {(row["sku"].lower(), row["capacity"]): _pool_size(row) for row in offered}


def _pool_size(row: Body) -> PoolSize:
    per_database = row["max_storage_per_database_gb"]
    return PoolSize(
        sku=row["sku"],
        tier=row["tier"],
        family=row["family"],
        capacity=row["capacity"],
        unit=row["unit"],
        max_bytes=row["capacity"] * BASIC_BYTES if row["tier"] == "Basic" else row["max_storage_gb"] * GIB,
        max_databases=row["max_databases"] or HYPERSCALE_DATABASES,
        per_database_max=tuple(row["per_database_max_choices"] or (row["capacity"],)),
        per_database_min=tuple(row["per_database_min_choices"] or (0, row["capacity"])),
        max_database_bytes=per_database * GIB if per_database else None,
        included_bytes=(
            row["capacity"] * BASIC_BYTES if row["tier"] == "Basic" else row.get("included_storage_gb", 0) * GIB
        ),
    )


POOL_SIZES = _pool_sizes()
DEFAULT_POOL_CAPACITY = {"standardpool": 100, "basicpool": 50, "premiumpool": 125}


def pool_size(sku: Body) -> PoolSize:
    """The size that a sku names, e.g. GP_Gen5 with capacity 4, or GP_Gen5_4; 400 for an unknown one."""
    name = str(sku.get("name") or "")
    capacity = sku.get("capacity")
    if (exact := POOL_SIZES.get((name.lower(), capacity or 0))) is not None:
        _check_tier(sku, exact.tier)
        check_family(sku, exact.family)
        return exact
    suffixed = re.fullmatch(r"(\w+?)_(\d+)", name)
    if suffixed and name.lower() not in {known for known, _ in POOL_SIZES}:
        name, capacity = suffixed[1], capacity or int(suffixed[2])
    offered = [size for (known, _), size in POOL_SIZES.items() if known == name.lower()]
    if not offered:
        raise invalid("InvalidSkuName", f"Invalid SKU name '{sku.get('name')}'.")
    wanted = capacity if capacity is not None else DEFAULT_POOL_CAPACITY.get(name.lower(), offered[0].capacity)
    for size in offered:
        if size.capacity == wanted:
            _check_tier(sku, size.tier)
            return size
    raise invalid("MismatchedSkuNameAndCapacity", f"Mismatch between SKU name '{name}' and capacity '{wanted}'.")


def check_family(sku: Body, family: str | None) -> None:
    """400 for another hardware than the name says."""
    given = sku.get("family")
    if given and family and str(given).lower() != family.lower():
        raise invalid("MismatchedSkuNameAndFamily", f"Mismatch between SKU name '{sku['name']}' and family '{given}'.")


def _check_tier(sku: Body, tier: str) -> None:
    given = sku.get("tier")
    if given and str(given).lower() != tier.lower():
        raise invalid("MismatchedSkuNameAndTier", f"Mismatch between SKU name '{sku['name']}' and tier '{given}'.")


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    """The size of a single database. `objective` is its service objective, e.g. GP_Gen5_2 or S1."""

    sku: str
    tier: str
    family: str | None
    capacity: int
    objective: str
    default_bytes: int
    max_bytes: int

    @property
    def is_vcore(self) -> bool:
        return self.family is not None

    @property
    def is_hyperscale(self) -> bool:
        return self.tier == "Hyperscale"

    @property
    def dtus(self) -> int:
        return self.capacity * 100 if self.is_vcore else self.capacity

    def sku_body(self) -> Body:
        family = {"family": self.family} if self.family else {}
        return {"name": self.sku, "tier": self.tier, **family, "capacity": self.capacity}


VCORE_TIERS = {"GP": "GeneralPurpose", "GP_S": "GeneralPurpose", "BC": "BusinessCritical", "HS": "Hyperscale"}
VCORES = (2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 32, 40, 64, 80, 128)
FAMILIES = {"gen5": "Gen5", "prms": "PRMS", "moprms": "MOPRMS", "dc": "DC"}
DTU_OBJECTIVES = {
    "basic": ("Basic", 5, 2, 2),
    **{
        f"s{step}": ("Standard", dtus, 250, 250 if step < 3 else 1024)
        for step, dtus in ((0, 10), (1, 20), (2, 50), (3, 100), (4, 200), (6, 400))
    },
    **{f"s{step}": ("Standard", dtus, 250, 1024) for step, dtus in ((7, 800), (9, 1600), (12, 3000))},
    **{f"p{step}": ("Premium", dtus, 500, 1024) for step, dtus in ((1, 125), (2, 250), (4, 500), (6, 1000))},
    **{f"p{step}": ("Premium", dtus, 4096, 4096) for step, dtus in ((11, 1750), (15, 4000))},
}
DEFAULT_SKU: Body = {"name": "GP_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": 2}
HYPERSCALE_BYTES = 128 * 1024 * GIB


def database_size(sku: Body) -> DatabaseSize:
    """The size that a sku names (GP_Gen5 + capacity, GP_Gen5_2, S1, HS_Gen5_4, …); 400 for an unknown one."""
    name = str(sku.get("name") or "")
    if not name:
        raise invalid("MissingSkuName", "Sku name is required.")
    size = _dtu_size(name, sku) or _vcore_size(name, sku)
    if size is None:
        raise invalid("InvalidSkuName", f"Invalid SKU name '{name}'.")
    _check_tier(sku, size.tier)
    check_family(sku, size.family)
    return size


def _dtu_size(name: str, sku: Body) -> DatabaseSize | None:
    if name.lower() in ("standard", "premium") and sku.get("capacity"):
        return next(
            (
                _dtu(key)
                for key, row in DTU_OBJECTIVES.items()
                if (row[0].lower(), row[1]) == (name.lower(), sku["capacity"])
            ),
            None,
        )
    return _dtu(name.lower()) if name.lower() in DTU_OBJECTIVES else None


def _dtu(objective: str) -> DatabaseSize:
    tier, dtus, default_gb, max_gb = DTU_OBJECTIVES[objective]
    return DatabaseSize(tier, tier, None, dtus, objective.capitalize(), default_gb * GIB, max_gb * GIB)


def _vcore_size(name: str, sku: Body) -> DatabaseSize | None:
    found = re.fullmatch(r"(?i)(GP_S|GP|BC|HS)_(Gen5|PRMS|MOPRMS|DC)(?:_(\d+))?", name)
    if found is None:
        return None
    prefix, family = found[1].upper(), FAMILIES[found[2].lower()]
    capacity = int(found[3] or sku.get("capacity") or 2)
    if capacity not in VCORES:
        raise _unsupported(name, capacity)
    word = f"{prefix}_{family}"
    hyperscale = prefix == "HS"
    default, largest = (-1, HYPERSCALE_BYTES) if hyperscale else (32 * GIB, 4096 * GIB)
    return DatabaseSize(word, VCORE_TIERS[prefix], family, capacity, f"{word}_{capacity}", default, largest)


def _unsupported(name: str, capacity: int) -> ArmError:
    message = (
        f"User tried to create or update database with capacity which is not supported: '{name}' with '{capacity}'."
    )
    return invalid("UnsupportedCapacity", message)

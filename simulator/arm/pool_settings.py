"""The settings of a pool, held against what its size allows: storage, per-database limits, replicas, zones."""

from __future__ import annotations

from typing import Any

from simulator.arm.errors import ArmError, invalid
from simulator.arm.limits import GIB, PoolSize
from simulator.arm.resources import Body, Resource

DEFAULT_BYTES = 32 * GIB
MIB = 1024**2
MOST_REPLICAS = 4
NOT_ZONED = frozenset({"Basic", "Standard"})
ZONE_STORAGE = frozenset({"Zone", "GeoZone"})
ZONE_MESSAGE = "Provisioning of zone redundant database/pool is not supported for your current request."


def pool_settings(size: PoolSize, asked: Body) -> Body:
    """The pool's own properties; 400 with the documented code for what its size does not allow."""
    per_database = asked.get("perDatabaseSettings") or {}
    highest = float(per_database.get("maxCapacity") or max(size.per_database_max))
    lowest = float(per_database.get("minCapacity") or 0)
    _check_highest(size, highest)
    _check_lowest(size, lowest, highest)
    settings: Body = {
        "maxSizeBytes": _max_bytes(size, asked.get("maxSizeBytes")),
        "perDatabaseSettings": {"minCapacity": lowest, "maxCapacity": highest},
        "zoneRedundant": bool(asked.get("zoneRedundant")),
        "licenseType": (asked.get("licenseType") or "LicenseIncluded") if size.unit == "vCores" else None,
        "availabilityZone": asked.get("availabilityZone") or "NoPreference",
    }
    check_license(settings["licenseType"])
    check_zones(settings, tier=size.tier, family=size.family)
    if size.is_hyperscale:
        settings["highAvailabilityReplicaCount"] = replica_count(asked, zoned=settings["zoneRedundant"])
    return settings


def check_license(asked: str | None) -> None:
    """400 for a license type that neither pools nor databases have."""
    if asked not in (None, "LicenseIncluded", "BasePrice"):
        raise invalid("InvalidLicenseType", f"The license type '{asked}' is not supported.")


def replica_count(asked: Body, *, zoned: bool) -> int:
    """0 to 4 replicas for high availability, one from the start; zone redundancy takes at least one."""
    former: int = asked.get("readReplicaCount", 1)  # its name until 2020
    count = int(asked.get("highAvailabilityReplicaCount", former))
    if not 0 <= count <= MOST_REPLICAS:
        message = "Invalid value given for parameter highAvailabilityReplicaCount. Specify a valid parameter value."
        raise invalid("InvalidParameterValue", message)
    if zoned and not count:
        raise invalid("ProvisioningDisabled", ZONE_MESSAGE)
    return count


def check_zones(settings: Body, *, tier: str, family: str | None) -> None:
    """Basic, Standard and DC-series know no zone redundancy."""
    if settings.get("zoneRedundant") and (tier in NOT_ZONED or family == "DC"):
        raise invalid("ProvisioningDisabled", ZONE_MESSAGE)


def check_zone_of_pool(pool: Resource | None, database: Body) -> None:
    """400 where a Hyperscale pool and its database do not agree: a zone-redundant pool takes zone-redundant databases with
    such backup storage, any other pool takes none of them."""
    if pool is None or pool.body["sku"]["tier"] != "Hyperscale":
        return
    zoned = bool(pool.properties["zoneRedundant"])
    storage = database.get("requestedBackupStorageRedundancy")
    if database["zoneRedundant"] != zoned or (zoned and storage not in ZONE_STORAGE):
        raise invalid("ProvisioningDisabled", ZONE_MESSAGE)


def _check_highest(size: PoolSize, highest: float) -> None:
    unit = f"a pool of {size.capacity} {size.unit}"
    if highest > max(size.per_database_max):
        raise invalid("ElasticPoolDbDtuMaxAboveLimit", f"The per database max '{highest:g}' is too high for {unit}.")
    if highest < min(size.per_database_max):
        raise invalid("ElasticPoolDbDtuMaxBelowLimit", f"The per database max '{highest:g}' is too low for {unit}.")
    if highest not in size.per_database_max:
        raise _not_offered("InvalidInputValueForDatabaseDtuMax", "max", highest, size.per_database_max)


def _check_lowest(size: PoolSize, lowest: float, highest: float) -> None:
    if lowest > max(size.per_database_min):
        message = f"The per database min '{lowest:g}' is too high for a pool of {size.capacity} {size.unit}."
        raise invalid("ElasticPoolDbDtuMinAboveLimit", message)
    if lowest > highest:
        message = f"The per database min '{lowest:g}' is higher than the per database max '{highest:g}'."
        raise invalid("InvalidInputValueDatabaseDtuMinLargerThanMax", message)
    if lowest not in size.per_database_min:
        raise _not_offered("InvalidInputValueForDatabaseDtuMin", "min", lowest, size.per_database_min)


def _not_offered(code: str, word: str, value: float, offered: tuple[float, ...]) -> ArmError:
    shown = ", ".join(f"{one:g}" for one in offered)
    return invalid(code, f"The per database {word} '{value:g}' is not one of ({shown}).")


def _max_bytes(size: PoolSize, asked: Any) -> int:
    if size.is_hyperscale:
        return 0  # a Hyperscale pool's storage is not configured; the contract's example shows 0
    if asked is None:
        return min(DEFAULT_BYTES, size.max_bytes) if size.unit == "vCores" else size.included_bytes
    if asked > size.max_bytes:
        raise invalid(
            "ElasticPoolStorageAboveLimitGB",
            f"The storage limit for the elastic pool cannot exceed ({size.max_bytes // GIB}) gigabytes for this tier.",
        )
    if asked < size.min_bytes:
        raise invalid(
            "ElasticPoolStorageBelowLimitMB",
            f"The storage limit for the elastic pool cannot be below ({size.min_bytes // MIB}) megabytes for this tier.",
        )
    if not size.offers(asked):
        code = (
            "ElasticPoolStorageNotAllowedMB"
            if size.tier == "Basic" or asked % GIB
            else "ElasticPoolStorageNotAllowedGB"
        )
        raise invalid(code, f"The requested elastic pool storage of {asked / MIB:g} MBs is not allowed.")
    return int(asked)


def check_room(name: str, size: PoolSize, properties: Body, count: int) -> None:
    """So many databases may be in a pool of this size and these settings."""
    if count > size.max_databases:
        raise invalid(
            "ElasticPoolDatabaseCountOverLimit",
            f"The elastic pool '{name}' has reached its database count limit. The database count limit for the elastic "
            f"pool cannot exceed ({size.max_databases}) for the current service tier.",
        )
    lowest = properties["perDatabaseSettings"]["minCapacity"]
    if lowest * count > size.capacity:
        code, unit = "ElasticPoolInconsistentVcoreGuaranteeSettings", "VCore"
        if size.unit == "DTU":
            code, unit = "ElasticPoolInconsistentDtuGuaranteeSettings", "DTU"
        raise invalid(
            code,
            f"The number of databases {count} and {unit} min per database {lowest:g} cannot exceed requested {unit}s of "
            f"the elastic pool {size.capacity}.",
        )

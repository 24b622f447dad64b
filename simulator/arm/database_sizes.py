"""Where a database lives and how big it may be: its pool or its own sku, read from a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulator.arm.call import Call
from simulator.arm.elastic_pools import busy
from simulator.arm.errors import invalid
from simulator.arm.limits import DEFAULT_SKU, GIB, DatabaseSize, PoolSize, database_size, pool_size
from simulator.arm.pool_members import arriving_collection, member_count
from simulator.arm.pool_settings import check_room
from simulator.arm.resources import Body, Resource
from simulator.arm.server_load import databases_named, single_collection
from simulator.arm.storage import joins_pool, pool_used_bytes

POOLED_VCORE_BYTES, POOLED_DTU_BYTES = 32 * GIB, 250 * GIB


@dataclass(frozen=True, slots=True)
class Place:
    """A pool with its size, or a size of its own."""

    pool: Resource | None
    pool_size: PoolSize | None
    size: DatabaseSize | None

    @property
    def tier(self) -> str:
        return self.pool_size.tier if self.pool_size else self._own.tier

    @property
    def is_vcore(self) -> bool:
        return self.pool_size.unit == "vCores" if self.pool_size else self._own.is_vcore

    @property
    def is_hyperscale(self) -> bool:
        return self.tier == "Hyperscale"

    @property
    def is_serverless(self) -> bool:
        return self.size is not None and "_S_" in self.size.objective

    @property
    def objective(self) -> str:
        return "ElasticPool" if self.pool_size else self._own.objective

    @property
    def sku(self) -> Body:
        return {"name": "ElasticPool", "tier": self.tier, "capacity": 0} if self.pool_size else self._own.sku_body()

    @property
    def kind(self) -> str:
        words = [
            "v12.0",
            "user",
            *(["vcore"] if self.is_vcore else []),
            *(["hyperscale"] if self.is_hyperscale else []),
        ]
        if self.is_serverless:
            words.append("serverless")
        return ",".join([*words, "pool"] if self.pool else words)

    @property
    def dtus(self) -> int:
        """What it takes of the server's quota by itself."""
        return self.size.dtus if self.size else 0

    @property
    def _own(self) -> DatabaseSize:
        assert self.size is not None
        return self.size

    def collections(self, server_key: str, name: str) -> tuple[str, ...]:
        """Where a database in this place is listed: its server, its pool or the singles, and all of that name."""
        return (server_key, self.pool.key if self.pool else single_collection(server_key), databases_named(name))

    def held_with(self, database: Resource) -> tuple[str, ...]:
        """Where a database that moves here is listed until it has: where it is, and among those on their way."""
        if self.pool is None or self.pool.key in database.under:
            return database.under
        return (*database.under, arriving_collection(self.pool.key))


def place_of(call: Call, server: Resource, body: Body, properties: Body, current: Resource | None = None) -> Place:
    """The place that a request asks for; what it leaves out stays as it is (a new database becomes GP_Gen5_2)."""
    sku, pool_id = body.get("sku"), properties.get("elasticPoolId")
    if pool_id and sku and sku.get("name") != "ElasticPool":
        raise invalid(
            "ElasticPoolSkuCombinationInvalid",
            "Elastic pool and sku can be specified together only if sku is specified as 'ElasticPool'.",
        )
    if not pool_id and sku is None and current is not None:
        return _present_place(call, current)
    if not pool_id and sku is not None and sku.get("name") == "ElasticPool" and current is not None:
        return _present_place(call, current)
    if pool_id:
        pool = _target_pool(call, server, str(pool_id))
        _check_same_tier(sku, pool)
        return Place(pool, pool_size(pool.body["sku"]), None)
    if sku is not None and sku.get("name") == "ElasticPool":
        raise invalid("ElasticPoolNameRequired", "The elastic pool name is required and cannot be empty.")
    return Place(None, None, database_size(sku or DEFAULT_SKU))


def _check_same_tier(sku: Body | None, pool: Resource) -> None:
    tier = (sku or {}).get("tier")
    if tier and str(tier).lower() != pool.body["sku"]["tier"].lower():
        message = f"The database tier '{tier}' is different than the elastic pool service tier."
        raise invalid("ElasticPoolTierCombinationInvalid", message)


def _present_place(call: Call, current: Resource) -> Place:
    pool_id = current.properties.get("elasticPoolId")
    pool = call.arm.resources.get(pool_id) if pool_id else None
    if pool:
        return Place(pool, pool_size(pool.body["sku"]), None)
    return Place(None, None, database_size({"name": current.properties["requestedServiceObjectiveName"]}))


def _target_pool(call: Call, server: Resource, pool_id: str) -> Resource:
    pool = call.arm.resources.get(pool_id)
    if (
        pool is None
        or pool.type != "elasticPools"
        or server.key not in pool.under
        or pool.properties["state"] == "Creating"
    ):
        raise invalid(
            "TargetElasticPoolDoesNotExist",
            f"The elastic pool '{pool_id.rsplit('/', 1)[-1]}' does not exist on server '{server.name}'.",
        )
    return pool


SMALLEST = {
    "Basic": "Basic",
    "Standard": "S0",
    "Premium": "P1",
    "GeneralPurpose": "GP_Gen5_2",
    "BusinessCritical": "BC_Gen5_2",
    "Hyperscale": "HS_Gen5_2",
}


def place_like(call: Call, server: Resource, body: Body, properties: Body, source: Body) -> Place:
    """The place asked for; else the source's own, or, where its pool is not, the smallest size of its tier."""
    if properties.get("elasticPoolId") or body.get("sku"):
        return place_of(call, server, body, properties)
    pool = call.arm.resources.get(source["properties"].get("elasticPoolId") or "")
    if pool and server.key in pool.under:
        return Place(pool, pool_size(pool.body["sku"]), None)
    if "elasticPoolId" in source["properties"]:
        return Place(None, None, database_size({"name": SMALLEST[source["sku"]["tier"]]}))
    return Place(None, None, database_size({"name": source["properties"]["requestedServiceObjectiveName"]}))


def check_pool_takes(call: Call, place: Place, current: Resource | None, size: int) -> None:
    """The pool is idle and has room for one more of so many bytes, unless the database is in it already."""
    if place.pool is None or place.pool_size is None or (current and place.pool.key in current.under):
        return
    if call.arm.operations.running_on(place.pool.key):
        raise busy(place.pool.name)
    count = member_count(call.arm.resources, place.pool)
    check_room(place.pool.name, place.pool_size, place.pool.properties, count + 1)
    limit = place.pool.properties["maxSizeBytes"]
    if limit and pool_used_bytes(call, place.pool) + size > limit:
        raise invalid(
            "ElasticPoolOverStorageUsage",
            f"The elastic pool '{place.pool.name}' has reached its storage limit. The storage usage for the "
            f"elastic pool cannot exceed ({limit // 1024**2}) MBs.",
        )
    joins_pool(call, place.pool, size)


def check_fits(place: Place, largest: int, used: int) -> None:
    """The data that is there already is no more than the database may hold (`largest`; -1: without limit)."""
    if 0 < largest < used:
        raise invalid(
            "CurrentDatabaseSizeExceedsMaxSize",
            f"The current size of the database ({used} bytes) exceeds the maximum size ({largest} bytes) that was "
            f"asked for in tier '{place.tier}'.",
        )


def max_bytes(place: Place, asked: Any) -> int:
    """The database's maxSizeBytes: -1 for Hyperscale, else as asked within the place, else Azure's default."""
    if place.is_hyperscale:
        return -1
    limit = largest_bytes(place)
    if asked is None:
        return min(_default(place), limit)
    if (
        not isinstance(asked, int)
        or isinstance(asked, bool)
        or asked <= 0
        or not _is_allowed(place, asked)
        or asked > limit
    ):
        raise invalid(
            "InvalidMaxSizeTierCombination",
            f"The tier '{place.tier}' does not support the database max size '{asked}'.",
        )
    return asked


def kept_bytes(place: Place, source: Body) -> int | None:
    """The maximum that a source hands on: within its tier, and where it is allowed."""
    size = int(source["properties"]["maxSizeBytes"])
    if place.is_hyperscale or size <= 0 or source["sku"]["tier"] != place.tier or size > largest_bytes(place):
        return None
    return size


def _default(place: Place) -> int:
    if place.size:
        return place.size.default_bytes
    return POOLED_VCORE_BYTES if place.is_vcore else POOLED_DTU_BYTES


def largest_bytes(place: Place) -> int:
    """The most that a database may hold there; not of Hyperscale."""
    if place.size:
        return place.size.max_bytes
    assert place.pool_size is not None
    return min(place.pool_size.max_bytes, place.pool_size.max_database_bytes or place.pool_size.max_bytes)


def _is_allowed(place: Place, asked: int) -> bool:
    """vCore databases come in steps of 1 GB; DTU databases may be smaller (100 MB, 500 MB)."""
    return asked % GIB == 0 or (not place.is_vcore and asked in (100 * 1024**2, 500 * 1024**2))

"""Elastic pools: vCores (or DTUs) and storage that databases of one server share."""

from __future__ import annotations

from simulator.arm.answers import page, show
from simulator.arm.call import Call, properties_of, tags_of
from simulator.arm.errors import ArmError, conflict, invalid
from simulator.arm.limits import PoolSize, pool_size
from simulator.arm.maintenance import NAME, maintenance_id
from simulator.arm.names import check_child_name
from simulator.arm.operations import Operation
from simulator.arm.polling import accepted
from simulator.arm.pool_changes import RESIZE_SECONDS, check_links_in_step, check_zones_stay, resize_seconds
from simulator.arm.pool_members import member_count
from simulator.arm.pool_settings import check_room, pool_settings
from simulator.arm.resources import Body, Resource, Resources
from simulator.arm.routing import POOL, SERVER, route
from simulator.arm.server_load import check_pool_quota
from simulator.arm.storage import pool_used_bytes
from simulator.http import Response
from simulator.moments import iso

TYPE = "Microsoft.Sql/servers/elasticPools"
CREATE, UPDATE = "CreateLogicalElasticPool", "UpdateLogicalElasticPool"
DEFAULT_SKU: Body = {"name": "GP_Gen5", "capacity": 2}


@route("PUT", POOL)
def put_pool(call: Call) -> Response:
    """Create a pool, or change one: 202 either way."""
    server, body = call.server(), call.body()
    check_child_name(call.names["pool"])
    existing = call.arm.resources.get(call.id(POOL))
    if existing:
        return _update(call, server, existing, body)
    size = pool_size(body.get("sku") or DEFAULT_SKU)
    properties = pool_settings(size, properties_of(body))
    properties[NAME] = maintenance_id(call, properties_of(body), location=server.body["location"])
    check_pool_quota(call, server, size.dtus)
    pool = _new(call, server, size, properties, tags_of(body))
    call.arm.resources.put(pool)
    final = pool.changed(properties={"state": "Ready"})
    seconds = call.arm.seconds(*RESIZE_SECONDS)
    return accepted(call, kind="elasticPool", word=CREATE, target=pool.id, seconds=seconds, body=final.body)


@route("PATCH", POOL)
def patch_pool(call: Call) -> Response:
    return _update(call, call.server(), call.existing(POOL), call.body())


def _update(call: Call, server: Resource, pool: Resource, body: Body) -> Response:
    _check_idle(call, pool)
    _check_no_copies(call, pool)
    check_links_in_step(call, pool)
    size = pool_size(body.get("sku") or pool.body["sku"])
    merged = {**pool.properties, **{name: value for name, value in properties_of(body).items() if value is not None}}
    properties = pool_settings(size, merged)
    properties[NAME] = maintenance_id(call, merged, location=server.body["location"])
    _check_members(call, pool, size, properties)
    check_zones_stay(pool, size, properties)
    check_pool_quota(call, server, size.dtus, instead_of=pool)
    tags = tags_of(body)
    changed = pool.changed(properties=properties).with_body(
        sku=size.sku_body(), kind=_kind(size), tags=tags if tags is not None else pool.body.get("tags")
    )
    seconds = resize_seconds(call, pool, size, properties)
    return accepted(call, kind="elasticPool", word=UPDATE, target=pool.id, seconds=seconds, body=changed.body)


def _check_no_copies(call: Call, pool: Resource) -> None:
    if call.arm.operations.count(f"copies in {pool.key}"):
        raise conflict(
            "TargetElasticPoolBeingUpdated",
            f"The update of elastic pool '{pool.name}' cannot be started because there is copy operation in progress for "
            "one of the databases in this elastic pool.",
        )


def _check_idle(call: Call, pool: Resource) -> None:
    if call.arm.operations.running_on(pool.key):
        raise busy(pool.name)


def busy(name: str) -> ArmError:
    return invalid("ElasticPoolBusy", f"A management operation was attempted on elastic pool '{name}', which is busy.")


def _check_members(call: Call, pool: Resource, size: PoolSize, properties: Body) -> None:
    """The databases that are in it still fit."""
    count = member_count(call.arm.resources, pool)
    if pool.body["sku"]["tier"] != size.tier and "Hyperscale" in (pool.body["sku"]["tier"], size.tier):
        raise invalid("InvalidTier", "The tier of an elastic pool cannot be changed from or to Hyperscale.")
    check_room(pool.name, size, properties, count)
    limit = properties["maxSizeBytes"]
    used = pool_used_bytes(call, pool) if limit and limit < pool.properties["maxSizeBytes"] else 0
    if limit and used > limit:
        raise invalid(
            "ElasticPoolDecreaseStorageLimitBelowUsage",
            f"The storage limit of the elastic pool ({limit} bytes) cannot be below its storage usage ({used} bytes).",
        )


def _kind(size: PoolSize) -> str:
    return "pool" if size.unit == "DTU" else "vcore,hyperscale,pool" if size.is_hyperscale else "vcore,pool"


def _new(call: Call, server: Resource, size: PoolSize, settings: Body, tags: Body | None) -> Resource:
    id_ = f"{server.id}/elasticPools/{call.names['pool']}"
    zone = settings.pop("availabilityZone")
    properties = {
        "state": "Creating",
        "creationDate": iso(call.now),
        **settings,
        NAME: settings.pop(NAME),
        "availabilityZone": zone,
    }
    body = {
        "sku": size.sku_body(),
        "kind": _kind(size),
        "properties": {name: value for name, value in properties.items() if value is not None},
        "location": server.body["location"],
        **({"tags": tags} if tags is not None else {}),
        "id": id_,
        "name": call.names["pool"],
        "type": TYPE,
    }
    return Resource(id_, "elasticPools", (server.key,), body)


@route("GET", POOL)
def get_pool(call: Call) -> Response:
    return show(call, call.shown(POOL))


@route("GET", SERVER + "/elasticPools")
def list_pools(call: Call) -> Response:
    return page(call, call.arm.resources.seen_children(call.server().key, "elasticPools"))


@route("DELETE", POOL)
def delete_pool(call: Call) -> Response:
    """204 at once, whether it was there or not; 400 while databases are in it or on their way."""
    server = call.server()
    pool = call.arm.resources.get(call.id(POOL))
    if pool is None:
        return Response(204)
    _check_idle(call, pool)
    if member_count(call.arm.resources, pool):
        raise invalid("ElasticPoolNotEmpty", f"Elastic pool '{pool.name}' on server '{server.name}' is not empty.")
    call.arm.resources.delete(pool.key)
    call.record("DropLogicalElasticPool", pool.id)
    return Response(204)


def finish_pool(resources: Resources, operation: Operation) -> None:
    """Show what the request asked for, unless the pool has gone meanwhile."""
    pool = resources.get(operation.target)
    if pool:
        resources.put(Resource(pool.id, pool.type, pool.under, operation.effect["body"], pool.inner))


def undo_pool(resources: Resources, operation: Operation) -> None:
    """A failed creation leaves nothing."""
    resources.delete(operation.target)

"""How much of a server's quota is taken: pools and single databases, in DTUs (a vCore counts as 100)."""

from __future__ import annotations

from simulator.arm.call import Call
from simulator.arm.errors import conflict
from simulator.arm.limits import database_size, pool_size
from simulator.arm.resources import Resource, Resources


def dtus_of(resource: Resource) -> int:
    """What a pool or a single database counts; a pooled database and master count nothing."""
    sku = resource.body["sku"]
    if resource.type == "elasticPools":
        return pool_size(sku).dtus
    if sku["name"] in ("ElasticPool", "System"):
        return 0
    return database_size({**sku, "name": resource.properties["requestedServiceObjectiveName"]}).dtus


def used_dtus(resources: Resources, server: Resource) -> int:
    pools = resources.children(server.key, "elasticPools")
    singles = resources.children(single_collection(server.key), "databases")
    return sum(dtus_of(resource) for resource in (*pools, *singles))


def single_collection(server_key: str) -> str:
    """The collection of a server's databases outside pools."""
    return f"{server_key}/single"


def databases_named(name: str) -> str:
    """The collection of all databases of one name, over all servers."""
    return f"/databases/{name}".lower()


def dropped_collection(server_key: str, name: str) -> str:
    """The collection of a server's dropped databases of one name."""
    return f"{server_key}/dropped/{name}".lower()


def check_server_takes(call: Call, server: Resource, dtus: int, *, instead_of: Resource | None = None) -> None:
    """409 when the server's quota of DTUs (vCores) would be exceeded."""
    used = used_dtus(call.arm.resources, server) - (dtus_of(instead_of) if instead_of else 0)
    if used + dtus > call.arm.quotas.dtus_per_server:
        raise conflict(
            "ServerDtuQuotaExceeded",
            "Could not perform the operation because server would exceed the allowed Database Throughput Unit quota "
            f"of {call.arm.quotas.dtus_per_server}.",
        )

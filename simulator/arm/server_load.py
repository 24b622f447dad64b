"""How much of a server's and a region's quota is taken: pools and single databases, in DTUs (a vCore counts as 100)."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from simulator.arm.call import Call
from simulator.arm.errors import conflict, invalid
from simulator.arm.limits import database_size, pool_size
from simulator.arm.resources import Resource, Resources


def dtus_of(resource: Resource) -> int:
    """What a pool or a single database counts; a pooled database and master count nothing."""
    sku = resource.body["sku"]
    if resource.type == "elasticPools":
        return pool_size(sku).dtus
    objective = resource.properties["requestedServiceObjectiveName"]
    if objective == "ElasticPool" or sku["name"] == "System":
        return 0
    return _objective_dtus(objective)


@functools.cache
def _objective_dtus(objective: str) -> int:
    return database_size({"name": objective}).dtus


def weights(resource: Resource) -> Iterator[tuple[str, int]]:
    """What a resource adds to which total: its server's and its region's."""
    if resource.type in ("elasticPools", "databases") and (dtus := dtus_of(resource)):
        yield server_total(resource.key.rsplit("/", 2)[0]), dtus
        yield region_total(resource.key.split("/")[2], resource.body["location"]), dtus


def server_total(server_key: str) -> str:
    return f"dtus of {server_key}"


def region_total(subscription: str, location: str) -> str:
    return f"dtus of {subscription.lower()}/{location}"


def used_dtus(resources: Resources, server: Resource) -> int:
    return resources.totals[server_total(server.key)]


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
    """409 when a single database would exceed the server's quota of DTUs (vCores)."""
    more = dtus - (dtus_of(instead_of) if instead_of else 0)
    if used_dtus(call.arm.resources, server) + more > call.arm.quotas.dtus_per_server:
        raise conflict(
            "ServerDtuQuotaExceeded",
            "Could not perform the operation because server would exceed the allowed Database Throughput Unit quota "
            f"of {call.arm.quotas.dtus_per_server}.",
        )
    _check_region_takes(call, server, more)


def check_pool_quota(call: Call, server: Resource, dtus: int, *, instead_of: Resource | None = None) -> None:
    """400 when a pool would exceed the server's quota of DTUs (vCores): pools have a code of their own for it."""
    more = dtus - (dtus_of(instead_of) if instead_of else 0)
    if used_dtus(call.arm.resources, server) + more > call.arm.quotas.dtus_per_server:
        message = (
            f"The elastic pool cannot be given {dtus} DTUs: server '{server.name}' would exceed the allowed quota of "
            f"{call.arm.quotas.dtus_per_server}."
        )
        raise invalid("ServerQuotaExceeded", message)
    _check_region_takes(call, server, more)


def _check_region_takes(call: Call, server: Resource, more: int) -> None:
    location = server.body["location"]
    used = call.arm.resources.totals[region_total(call.names["subscription"], location)]
    if more > 0 and used + more > call.arm.quotas.vcores_per_region * 100:
        message = (
            f"Provisioning is restricted in this region: the subscription would exceed its quota of "
            f"{call.arm.quotas.vcores_per_region} vCores in '{location}'."
        )
        raise invalid("ProvisioningDisabled", message)

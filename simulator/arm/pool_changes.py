"""What may be changed of an elastic pool, when, and how long it takes."""

from __future__ import annotations

from simulator.arm.call import Call
from simulator.arm.errors import conflict, invalid
from simulator.arm.limits import PoolSize
from simulator.arm.pool_members import members
from simulator.arm.pool_settings import ZONE_MESSAGE
from simulator.arm.resources import Body, Resource
from simulator.arm.storage import pool_used_bytes

RESIZE_SECONDS = (45.0, 110.0)
SECONDS_PER_GB = 30.0  # where data is copied; Azure says: typically under a minute
GB = 1024**3
LOCAL_TIERS = frozenset({"Premium", "BusinessCritical"})


def check_links_in_step(call: Call, pool: Resource) -> None:
    """409 while a database of the pool is being seeded, here or on its other side."""
    for database in members(call.arm.resources, pool):
        for link in call.arm.resources.children(database.key, "replicationLinks"):
            if link.properties["replicationState"] != "CATCH_UP":
                raise conflict(
                    "ElasticPoolUpdateLinksNotInCatchup",
                    f"Update of elastic pool '{pool.name}' cannot be started because some geo-replication links are not in "
                    "the catch-up state.",
                )


def check_zones_stay(pool: Resource, size: PoolSize, after: Body) -> None:
    """400 for a change of zones in Hyperscale: they are chosen when the pool is created."""
    if size.is_hyperscale and after["zoneRedundant"] != pool.properties["zoneRedundant"]:
        raise invalid("ProvisioningDisabled", ZONE_MESSAGE)


def resize_seconds(call: Call, pool: Resource, size: PoolSize, after: Body) -> float:
    """As recorded; longer by what all its databases hold where data is copied: between storage families, and for zones."""
    seconds = call.arm.seconds(*RESIZE_SECONDS)
    former = pool.body["sku"]["tier"] in LOCAL_TIERS
    moves = former != (size.tier in LOCAL_TIERS)
    zones = not former and after["zoneRedundant"] != pool.properties["zoneRedundant"]
    return seconds + (SECONDS_PER_GB * pool_used_bytes(call, pool) / GB if moves or zones else 0.0)

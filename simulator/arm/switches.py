"""The switch at the end of a scaling: databases stay online until then, and lose their connections once.

Azure says so of every change of compute: service objective, pool, or the size of a pool (pages: scale single database
resources; scale elastic pool resources).
"""

from __future__ import annotations

from simulator.arm.resources import Body, Resource, Resources
from simulator.tds.contents import DatabaseContents


def switch_database(contents: DatabaseContents, database: Resource, after: Body) -> None:
    """End its sessions where its compute becomes another one; a new limit or tag disturbs nobody."""
    if _compute(database.body) != _compute(after):
        contents.close(database.properties["databaseId"])


def switch_pool(resources: Resources, contents: DatabaseContents, pool: Resource, after: Body) -> None:
    """End the sessions of all databases in a pool whose size becomes another one."""
    if pool.body["sku"] != after["sku"]:
        for database in resources.children(pool.key, "databases"):
            contents.close(database.properties["databaseId"])


def _compute(body: Body) -> tuple[object, ...]:
    properties = body["properties"]
    return (body["sku"], str(properties.get("elasticPoolId", "")).lower(), properties.get("zoneRedundant"))

"""Whom a pool must have room for: the databases in it, those on their way out until they are gone, those on their way in.

A change of a database shows when it is over (facts of Azure: its new properties appear then), and a cancelled or failed
one leaves it where it was. So it counts in both pools until then.
"""

from __future__ import annotations

from simulator.arm.resources import Resource, Resources


def arriving_collection(pool_key: str) -> str:
    """The collection of the databases that a change under way brings into a pool."""
    return f"{pool_key}/arriving"


def members(resources: Resources, pool: Resource) -> list[Resource]:
    """The databases in it, then those on their way."""
    arriving = resources.children(arriving_collection(pool.key), "databases")
    return [*resources.children(pool.key, "databases"), *arriving]


def member_count(resources: Resources, pool: Resource) -> int:
    arriving = resources.count(arriving_collection(pool.key), "databases")
    return resources.count(pool.key, "databases") + arriving

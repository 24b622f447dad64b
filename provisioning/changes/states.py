"""Rows of the inventory as states of the table of lawful changes."""

from __future__ import annotations

import hashlib

from inventory.models import Database, ElasticPool
from inventory.transitions import TABLE, Backup, Circumstances, Home, Row, State, StepKind, Tier
from operations import clock
from provisioning.tier_changes import return_until


def state_of(database: Database) -> State:
    """What the database is meant to be."""
    pool = database.pool
    return State(
        tier=Tier(database.service_tier),
        home=Home.POOL if pool else Home.SINGLE,
        zone_redundant=pool.is_zone_redundant if pool else False,
        backup=Backup(database.backup_redundancy),
    )


def circumstances_of(database: Database) -> Circumstances:
    """What else the law looks at. Its data are counted as its planned capacity: more they cannot be."""
    until = return_until(database)
    return Circumstances(used_bytes=database.size_bytes, reversible_until=until, now=clock.now())


def scaling_row(tier: str) -> Row:
    """The table's row for another pool, or another size, within a tier."""
    return next(row for row in TABLE if row.kind is StepKind.MOVE and {Tier(tier)} <= row.before & row.after)


def revision_of(row: Database | ElasticPool) -> str:
    """Changes whenever what is wanted of the row does; its load and what others do beside it do not count."""
    if isinstance(row, Database):
        wanted: tuple[object, ...] = (
            *(row.azure_name, row.service_tier, row.sku_name, row.vcores, row.size_bytes),
            *(row.backup_redundancy, row.retention_days, row.server_id, row.pool_id is None),
            *((row.key_uri, row.key_follows) if row.key_uri else ()),
        )
    else:
        wanted = (
            *(row.azure_name, row.sku_name, row.vcores, row.max_size_bytes, row.status),
            *(row.per_database_min_vcores, row.per_database_max_vcores, row.is_zone_redundant),
        )
    return hashlib.sha256(repr(wanted).encode()).hexdigest()[:16]

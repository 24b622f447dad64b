"""What is asked of Azure when a database is made, newly or from a backup."""

from __future__ import annotations

from collections.abc import Mapping

from cloud import factory
from cloud.protocols import DatabaseSpec, Sku
from inventory.models import Database
from operations.models import Operation
from operations.outcomes import Next
from provisioning.keys.naming import own_key
from provisioning.targets import reference, server_row_of, tags_for


def elsewhere(operation: Operation, refused: object) -> Next:
    """Choose again, without this place."""
    before = operation.choices.get("refused", [])
    return Next(to="leave_refused_place", choices={"refused": [*before, str(refused)]})


def tags_seen(database: Database) -> Mapping[str, str] | None:
    """The tags of the database in Azure; None where there is none."""
    seen = factory.sql_management().get_database(reference(server_row_of(database)), database.azure_name)
    return seen.tags if seen is not None else None


def spec_of(operation: Operation, database: Database, *, named_for: Database) -> DatabaseSpec:
    """As its row wants it, without what only a new or only a restored one has; tagged for the row that it will belong to. A
    Hyperscale pool takes only databases that have zones as it has (Microsoft, Hyperscale elastic pools)."""
    single, service = database.service_tier == Database.Tier.HYPERSCALE, named_for.service
    return DatabaseSpec(
        region=database.region_id,
        pool_name=database.pool.azure_name if database.pool else None,
        sku=Sku(database.sku_name, database.service_tier, "Gen5", database.vcores) if single else None,
        backup_redundancy=database.backup_redundancy,
        zone_redundant=single and database.pool is not None and database.pool.is_zone_redundant,
        key=own_key(named_for),
        tags=tags_for(
            operation,
            workspace=service.workspace_id if service else None,
            service=service.pk if service else None,
            database=named_for.pk,
        ),
    )

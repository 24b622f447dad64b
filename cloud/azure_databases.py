"""Databases: their bodies and observed shapes, retention and encryption."""

from __future__ import annotations

from typing import Any

from azure.mgmt.sql import SqlManagementClient, models

from cloud.arm import ArmCaller, as_tags, as_text, required, sound, whole_page
from cloud.azure_keys import identity_body, key_seen
from cloud.azure_pools import observed_sku, sku_body
from cloud.protocols import Accepted, DatabaseSpec, DroppedDatabase, ObservedDatabase, Origin, Restore, ServerRef

SYSTEM_DATABASES = frozenset({"master"})


class AzureDatabases(ArmCaller):
    """The database part of `SqlManagement`."""

    def get_database(self, server: ServerRef, name: str) -> ObservedDatabase | None:
        found = self.read(
            server.subscription_id, lambda client: client.databases.get(server.resource_group, server.name, name)
        )
        return None if found is None else observed_database(found)

    def list_databases(self, server: ServerRef) -> list[ObservedDatabase]:
        """All pages, without `master`; raises rather than return a part, and Missing when the server is not there."""
        with self.calls(server.subscription_id) as client:
            pages = client.databases.list_by_server(server.resource_group, server.name, raw_response_hook=whole_page)
            listed = [observed_database(one) for one in pages]
        return [one for one in listed if one.name not in SYSTEM_DATABASES]

    def list_dropped_databases(self, server: ServerRef) -> list[DroppedDatabase]:
        """All pages; raises rather than return a part, and Missing when the server is not there."""
        with self.calls(server.subscription_id) as client:
            group = client.restorable_dropped_databases
            listed = group.list_by_server(server.resource_group, server.name, raw_response_hook=whole_page)
            return [dropped_database(one) for one in listed]

    def begin_create_database(self, server: ServerRef, name: str, spec: DatabaseSpec) -> Accepted:
        def send(client: SqlManagementClient, **options: Any) -> object:
            body = database_body(server, spec)
            return client.databases.begin_create_or_update(server.resource_group, server.name, name, body, **options)

        return self.begin(server.subscription_id, send)

    def begin_delete_database(self, server: ServerRef, name: str) -> Accepted:
        def send(client: SqlManagementClient, **options: Any) -> object:
            return client.databases.begin_delete(server.resource_group, server.name, name, **options)

        return self.begin_delete(server.subscription_id, send)

    def get_retention_days(self, server: ServerRef, database: str) -> int | None:
        """Days of point-in-time restore; None when there is no such database."""
        found = self.read(
            server.subscription_id,
            lambda client: client.backup_short_term_retention_policies.get(
                server.resource_group, server.name, database, "default"
            ),
        )
        if found is None:
            return None
        policy = sound(found.properties, models.BackupShortTermRetentionPolicyProperties)
        return required(policy.retention_days, "retentionDays")

    def begin_set_retention(self, server: ServerRef, database: str, days: int) -> Accepted:
        def send(client: SqlManagementClient, **options: Any) -> object:
            policy = models.BackupShortTermRetentionPolicy(
                properties=models.BackupShortTermRetentionPolicyProperties(retention_days=days)
            )
            group = client.backup_short_term_retention_policies
            where = (server.resource_group, server.name, database, "default")
            return group.begin_create_or_update(*where, policy, **options)

        return self.begin(server.subscription_id, send)

    def get_tde_enabled(self, server: ServerRef, database: str) -> bool | None:
        """Whether the database is encrypted at rest; None when there is no such database."""
        found = self.read(
            server.subscription_id,
            lambda client: client.transparent_data_encryptions.get(
                server.resource_group, server.name, database, "current"
            ),
        )
        if found is None:
            return None
        return as_text(sound(found.properties, models.TransparentDataEncryptionProperties).state) == "Enabled"

    def begin_enable_tde(self, server: ServerRef, database: str) -> Accepted:
        def send(client: SqlManagementClient, **options: Any) -> object:
            encryption = models.LogicalDatabaseTransparentDataEncryption(
                properties=models.TransparentDataEncryptionProperties(state="Enabled")
            )
            group = client.transparent_data_encryptions
            where = (server.resource_group, server.name, database, "current")
            return group.begin_create_or_update(*where, encryption, **options)

        return self.begin(server.subscription_id, send)


def database_body(server: ServerRef, spec: DatabaseSpec) -> models.Database:
    """A pooled database names its pool and no sku; a single one its sku. Without createMode Azure takes Default."""
    properties = models.DatabaseProperties(
        requested_backup_storage_redundancy=spec.backup_redundancy, zone_redundant=spec.zone_redundant
    )
    if spec.max_size_bytes is not None:
        properties.max_size_bytes = spec.max_size_bytes
    if spec.restore is not None:
        _restore_into(properties, spec.restore)
    if spec.secondary_of is not None:
        properties.create_mode, properties.secondary_type = "Secondary", "Geo"
        properties.source_database_id = spec.secondary_of
    database = models.Database(location=spec.region, tags=as_tags(spec.tags), properties=properties)
    if spec.key is not None:
        database.identity, properties.encryption_protector = identity_body(spec.key), spec.key.uri
        properties.encryption_protector_auto_rotation = spec.key.follows
    if spec.pool_name is not None:
        properties.elastic_pool_id = pool_id(server, spec.pool_name)
    elif spec.sku is not None:
        database.sku = sku_body(spec.sku)
    else:
        raise ValueError("A database needs a pool or a sku.")
    return database


def _restore_into(properties: models.DatabaseProperties, restore: Restore) -> None:
    properties.create_mode = restore.origin.value
    properties.restore_point_in_time = restore.moment
    if restore.origin is Origin.MOMENT:
        properties.source_database_id = restore.source_id
    else:
        properties.restorable_dropped_database_id = restore.source_id


def pool_id(server: ServerRef, pool: str) -> str:
    group = f"/subscriptions/{server.subscription_id}/resourceGroups/{server.resource_group}"
    return f"{group}/providers/Microsoft.Sql/servers/{server.name}/elasticPools/{pool}"


def observed_database(database: models.Database) -> ObservedDatabase:
    properties = sound(sound(database, models.Database).properties, models.DatabaseProperties)
    redundancy = properties.current_backup_storage_redundancy or properties.requested_backup_storage_redundancy
    pool, size = properties.elastic_pool_id, properties.max_size_bytes
    return ObservedDatabase(
        name=required(database.name, "name").lower(),
        arm_id=required(database.id, "id"),
        status=as_text(required(properties.status, "status")),
        sku=observed_sku(properties.current_sku or database.sku),
        pool_name=pool.rstrip("/").rpartition("/")[2].lower() if pool else None,
        max_size_bytes=size if size and size > 0 else None,  # -1: Hyperscale, which has no limit
        objective=properties.current_service_objective_name or "",
        requested_objective=properties.requested_service_objective_name or "",
        backup_redundancy=as_text(redundancy) or None,
        zone_redundant=bool(properties.zone_redundant),
        tags=as_tags(database.tags),
        earliest_restore_at=properties.earliest_restore_date,
        requested_backup_redundancy=as_text(properties.requested_backup_storage_redundancy) or None,
        key=key_seen(database),
    )


def dropped_database(dropped: models.RestorableDroppedDatabase) -> DroppedDatabase:
    properties = sound(
        sound(dropped, models.RestorableDroppedDatabase).properties, models.RestorableDroppedDatabaseProperties
    )
    return DroppedDatabase(
        name=required(properties.database_name, "databaseName").lower(),
        arm_id=required(dropped.id, "id"),
        dropped_at=required(properties.deletion_date, "deletionDate"),
        earliest_restore_at=properties.earliest_restore_date,
    )

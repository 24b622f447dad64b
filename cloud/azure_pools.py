"""Elastic pools: their bodies and their observed shapes."""

from __future__ import annotations

from typing import Any

from azure.mgmt.sql import SqlManagementClient, models

from cloud.arm import ArmCaller, as_tags, as_text, required, sound, whole_page
from cloud.protocols import Accepted, ObservedPool, PoolSpec, ServerRef, Sku


class AzurePools(ArmCaller):
    """The pool part of `SqlManagement`."""

    def get_pool(self, server: ServerRef, name: str) -> ObservedPool | None:
        found = self.read(
            server.subscription_id,
            lambda client: client.elastic_pools.get(server.resource_group, server.name, name),
        )
        return None if found is None else observed_pool(found)

    def list_pools(self, server: ServerRef) -> list[ObservedPool]:
        """All pages; raises Missing when the server is not there, so that "no pools" is never a guess."""
        with self.calls(server.subscription_id) as client:
            pages = client.elastic_pools.list_by_server(
                server.resource_group, server.name, raw_response_hook=whole_page
            )
            return [observed_pool(one) for one in pages]

    def begin_create_pool(self, server: ServerRef, name: str, spec: PoolSpec) -> Accepted:
        def send(client: SqlManagementClient, **options: Any) -> object:
            group = client.elastic_pools
            return group.begin_create_or_update(server.resource_group, server.name, name, pool_body(spec), **options)

        return self.begin(server.subscription_id, send)

    def begin_delete_pool(self, server: ServerRef, name: str) -> Accepted:
        def send(client: SqlManagementClient, **options: Any) -> object:
            return client.elastic_pools.begin_delete(server.resource_group, server.name, name, **options)

        return self.begin_delete(server.subscription_id, send)


def pool_body(spec: PoolSpec) -> models.ElasticPool:
    return models.ElasticPool(
        location=spec.region,
        tags=as_tags(spec.tags),
        sku=sku_body(spec.sku),
        properties=models.ElasticPoolProperties(
            max_size_bytes=spec.max_size_bytes,
            zone_redundant=spec.zone_redundant,
            per_database_settings=models.ElasticPoolPerDatabaseSettings(
                min_capacity=spec.per_database_min_vcores, max_capacity=spec.per_database_max_vcores
            ),
        ),
    )


def observed_pool(pool: models.ElasticPool) -> ObservedPool:
    properties = sound(sound(pool, models.ElasticPool).properties, models.ElasticPoolProperties)
    limits = properties.per_database_settings
    return ObservedPool(
        name=required(pool.name, "name").lower(),
        arm_id=required(pool.id, "id"),
        state=as_text(required(properties.state, "state")),
        sku=observed_sku(pool.sku),
        max_size_bytes=properties.max_size_bytes or None,  # a Hyperscale pool says 0, which is no limit
        per_database_min_vcores=limits.min_capacity if limits else None,
        per_database_max_vcores=limits.max_capacity if limits else None,
        zone_redundant=bool(properties.zone_redundant),
        tags=as_tags(pool.tags),
    )


def sku_body(sku: Sku) -> models.Sku:
    return models.Sku(name=sku.name, tier=sku.tier, family=sku.family, capacity=sku.capacity)


def observed_sku(sku: models.Sku | None) -> Sku:
    known = sound(sku, models.Sku)
    return Sku(name=known.name, tier=known.tier or "", family=known.family, capacity=known.capacity)

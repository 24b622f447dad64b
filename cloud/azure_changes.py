"""PATCH of servers, pools and databases, firewall rules, and the listing of a group's servers."""

from __future__ import annotations

from typing import Any

from azure.mgmt.sql import SqlManagementClient, models

from cloud.arm import ArmCaller, required, sound, whole_page
from cloud.azure_databases import pool_id
from cloud.azure_keys import identity_body
from cloud.azure_pools import sku_body
from cloud.azure_servers import observed_server
from cloud.changes import DatabaseChange, FirewallRule, PoolChange, ServerChange
from cloud.classify import ABSENT
from cloud.errors import Missing
from cloud.protocols import Accepted, ObservedServer, ServerRef

NO_GROUP = "ResourceGroupNotFound"


class AzureChanges(ArmCaller):
    """The part of `SqlManagement` that changes what stands."""

    def list_servers(self, subscription_id: str, resource_group: str) -> list[ObservedServer]:
        """All pages; a group that is not there has no servers."""
        try:
            with self.calls(subscription_id) as client:
                pages = client.servers.list_by_resource_group(resource_group, raw_response_hook=whole_page)
                return [observed_server(one) for one in pages]
        except Missing as missing:
            if missing.code != NO_GROUP:
                raise
            return []

    def list_firewall_rules(self, server: ServerRef) -> list[FirewallRule]:
        """All pages; raises Missing when the server is not there."""
        with self.calls(server.subscription_id) as client:
            group = client.firewall_rules
            pages = group.list_by_server(server.resource_group, server.name, raw_response_hook=whole_page)
            return [_rule(one) for one in pages]

    def delete_firewall_rule(self, server: ServerRef, name: str) -> None:
        try:
            with self.calls(server.subscription_id) as client:
                client.firewall_rules.delete(server.resource_group, server.name, name)
        except Missing as missing:
            if missing.code not in ABSENT:
                raise

    def begin_update_server(self, server: ServerRef, change: ServerChange) -> Accepted:
        def send(client: SqlManagementClient, **options: Any) -> object:
            return client.servers.begin_update(server.resource_group, server.name, server_update(change), **options)

        return self.begin(server.subscription_id, send)

    def begin_update_pool(self, server: ServerRef, name: str, change: PoolChange) -> Accepted:
        def send(client: SqlManagementClient, **options: Any) -> object:
            group = client.elastic_pools
            return group.begin_update(server.resource_group, server.name, name, pool_update(change), **options)

        return self.begin(server.subscription_id, send)

    def begin_update_database(self, server: ServerRef, name: str, change: DatabaseChange) -> Accepted:
        def send(client: SqlManagementClient, **options: Any) -> object:
            body = database_update(server, change)
            return client.databases.begin_update(server.resource_group, server.name, name, body, **options)

        return self.begin(server.subscription_id, send)


def server_update(change: ServerChange) -> models.ServerUpdate:
    properties = models.ServerProperties(minimal_tls_version=change.minimal_tls_version)
    if change.public_network_access is not None:
        properties.public_network_access = "Enabled" if change.public_network_access else "Disabled"
    return models.ServerUpdate(properties=properties, tags=_tags(change.tags))


def pool_update(change: PoolChange) -> models.ElasticPoolUpdate:
    properties = models.ElasticPoolUpdateProperties(
        max_size_bytes=change.max_size_bytes, zone_redundant=change.zone_redundant
    )
    if change.per_database_vcores is not None:
        least, most = change.per_database_vcores
        properties.per_database_settings = models.ElasticPoolPerDatabaseSettings(min_capacity=least, max_capacity=most)
    sku = sku_body(change.sku) if change.sku else None
    return models.ElasticPoolUpdate(sku=sku, tags=_tags(change.tags), properties=properties)


def database_update(server: ServerRef, change: DatabaseChange) -> models.DatabaseUpdate:
    properties = models.DatabaseUpdateProperties(
        max_size_bytes=change.max_size_bytes,
        requested_backup_storage_redundancy=change.backup_redundancy,
        zone_redundant=change.zone_redundant,
        elastic_pool_id=pool_id(server, change.pool_name) if change.pool_name else None,
        manual_cutover=change.manual_cutover,
        perform_cutover=change.perform_cutover,
    )
    update = models.DatabaseUpdate(tags=_tags(change.tags), properties=properties)
    if change.sku is not None:
        update.sku = sku_body(change.sku)
    if change.key is not None:
        update.identity = identity_body(change.key)
        properties.encryption_protector = change.key.uri
        properties.encryption_protector_auto_rotation = change.key.follows
    return update


def _tags(tags: Any) -> dict[str, str] | None:
    return None if tags is None else dict(tags)


def _rule(rule: models.FirewallRule) -> FirewallRule:
    addresses = sound(sound(rule, models.FirewallRule).properties, models.ServerFirewallRuleProperties)
    return FirewallRule(
        name=required(rule.name, "name"),
        first_ip=required(addresses.start_ip_address, "startIpAddress"),
        last_ip=required(addresses.end_ip_address, "endIpAddress"),
    )

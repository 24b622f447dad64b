"""Replication links between databases of two servers: listed, failed over, ended."""

from __future__ import annotations

from typing import Any

from azure.mgmt.sql import SqlManagementClient, models

from cloud.arm import ArmCaller, as_text, required, sound, whole_page
from cloud.links import GeoLink
from cloud.protocols import Accepted, ServerRef


class AzureLinks(ArmCaller):
    """The replication part of `SqlManagement`; a link begins with a database that is `secondary_of` another."""

    def list_links(self, server: ServerRef, database: str) -> list[GeoLink]:
        """All of one database, as its own side sees them; raises Missing when the database is not there."""
        with self.calls(server.subscription_id) as client:
            listed = client.replication_links.list_by_database(
                server.resource_group, server.name, database, raw_response_hook=whole_page
            )
            return [geo_link(one) for one in listed]

    def begin_fail_over(
        self, server: ServerRef, database: str, link: str, *, allow_data_loss: bool = False
    ) -> Accepted:
        def send(client: SqlManagementClient, **options: Any) -> object:
            links = client.replication_links
            call = links.begin_failover_allow_data_loss if allow_data_loss else links.begin_failover
            return call(server.resource_group, server.name, database, link, **options)

        return self.begin(server.subscription_id, send)

    def begin_delete_link(self, server: ServerRef, database: str, link: str) -> Accepted:
        def send(client: SqlManagementClient, **options: Any) -> object:
            return client.replication_links.begin_delete(server.resource_group, server.name, database, link, **options)

        return self.begin_delete(server.subscription_id, send)


def geo_link(link: models.ReplicationLink) -> GeoLink:
    properties = sound(sound(link, models.ReplicationLink).properties, models.ReplicationLinkProperties)
    return GeoLink(
        id=required(link.name, "name"),
        partner_id=required(properties.partner_database_id, "partnerDatabaseId"),
        role=as_text(required(properties.role, "role")),
        partner_role=as_text(required(properties.partner_role, "partnerRole")),
        state=as_text(required(properties.replication_state, "replicationState")),
        percent=properties.percent_complete or 0,
        type=as_text(properties.link_type),
    )

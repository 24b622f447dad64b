"""Resource groups and logical servers: their bodies, their observed shapes, firewall and auditing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azure.core.rest import HttpRequest
from azure.mgmt.sql import SqlManagementClient, models

from cloud.arm import ArmCaller, as_tags, as_text, required, sound
from cloud.errors import RetryLater
from cloud.protocols import Accepted, ObservedServer, ServerRef, ServerSpec
from cloud.secrets import Secret

RESOURCE_GROUPS_API = "2021-04-01"


class AzureServers(ArmCaller):
    """The server part of `SqlManagement`."""

    def ensure_resource_group(self, subscription_id: str, name: str, region: str, tags: Mapping[str, str]) -> None:
        """Create the group unless it is there; one that is being deleted raises RetryLater."""
        url = f"/subscriptions/{subscription_id}/resourceGroups/{name}?api-version={RESOURCE_GROUPS_API}"
        found = self.read(subscription_id, lambda client: _group_state(client, HttpRequest("GET", self._at(url))))
        if found == "Deleting":
            raise RetryLater("ResourceGroupBeingDeleted", name)
        if found is None:
            body = {"location": region, "tags": as_tags(tags)}
            with self.calls(subscription_id) as client:
                _group_state(client, HttpRequest("PUT", self._at(url), json=body))

    def get_server(self, server: ServerRef) -> ObservedServer | None:
        found = self.read(server.subscription_id, lambda client: client.servers.get(server.resource_group, server.name))
        return None if found is None else observed_server(found)

    def begin_create_server(self, server: ServerRef, spec: ServerSpec, password: Secret | None) -> Accepted:
        def send(client: SqlManagementClient, **options: Any) -> object:
            body = server_body(spec, password)
            return client.servers.begin_create_or_update(server.resource_group, server.name, body, **options)

        return self.begin(server.subscription_id, send)

    def begin_delete_server(self, server: ServerRef) -> Accepted:
        def send(client: SqlManagementClient, **options: Any) -> object:
            return client.servers.begin_delete(server.resource_group, server.name, **options)

        return self.begin_delete(server.subscription_id, send)

    def begin_set_administrator_password(self, server: ServerRef, password: Secret) -> Accepted:
        """A PATCH of that property alone; it is write-only in the API."""
        properties = models.ServerProperties(administrator_login_password=password.reveal())

        def send(client: SqlManagementClient, **options: Any) -> object:
            body = models.ServerUpdate(properties=properties)
            return client.servers.begin_update(server.resource_group, server.name, body, **options)

        return self.begin(server.subscription_id, send)

    def set_firewall_rule(self, server: ServerRef, name: str, first_ip: str, last_ip: str) -> None:
        rule = models.FirewallRule(
            properties=models.ServerFirewallRuleProperties(start_ip_address=first_ip, end_ip_address=last_ip)
        )
        with self.calls(server.subscription_id) as client:
            client.firewall_rules.create_or_update(server.resource_group, server.name, name, rule)

    def begin_enable_auditing(self, server: ServerRef) -> Accepted:
        """Send all audit events of the server to Azure Monitor, for as long as its workspace keeps them."""

        def send(client: SqlManagementClient, **options: Any) -> object:
            policy = models.ServerBlobAuditingPolicy(
                properties=models.ServerBlobAuditingPolicyProperties(
                    state=models.BlobAuditingPolicyState.ENABLED, is_azure_monitor_target_enabled=True
                )
            )
            group = client.server_blob_auditing_policies
            return group.begin_create_or_update(server.resource_group, server.name, policy, **options)

        return self.begin(server.subscription_id, send)

    def get_auditing_enabled(self, server: ServerRef) -> bool | None:
        """None where Azure shows no such setting: of what it has just heard of, it may not know for a while."""
        found = self.read(
            server.subscription_id,
            lambda client: client.server_blob_auditing_policies.get(server.resource_group, server.name),
        )
        if found is None:
            return None
        return as_text(sound(found.properties, models.ServerBlobAuditingPolicyProperties).state) == "Enabled"

    def _at(self, path: str) -> str:
        return self._settings.arm_url + path


def server_body(spec: ServerSpec, password: Secret | None) -> models.Server:
    """Everything that policies may demand, in the create call. An Entra-only server gets no SQL administrator."""
    properties = models.ServerProperties(
        minimal_tls_version=spec.minimal_tls_version,
        public_network_access="Enabled" if spec.public_network_access else "Disabled",
    )
    if password is not None and not spec.entra_only:
        properties.administrator_login = spec.administrator_login
        properties.administrator_login_password = password.reveal()
    if spec.entra_admin_object_id:
        properties.administrators = models.ServerExternalAdministrator(
            administrator_type="ActiveDirectory",
            principal_type="Group",
            login=spec.entra_admin_login,
            sid=spec.entra_admin_object_id,
            tenant_id=spec.entra_tenant_id,
            azure_ad_only_authentication=spec.entra_only,
        )
    return models.Server(
        location=spec.region, tags=as_tags(spec.tags), properties=properties, identity=_identity(properties, spec)
    )


def _identity(properties: models.ServerProperties, spec: ServerSpec) -> models.ResourceIdentity | None:
    if not spec.identity_id:
        return None
    properties.primary_user_assigned_identity_id = spec.identity_id
    return models.ResourceIdentity(
        type="UserAssigned", user_assigned_identities={spec.identity_id: models.UserIdentity()}
    )


def observed_server(server: models.Server) -> ObservedServer:
    properties = sound(sound(server, models.Server).properties, models.ServerProperties)
    entra = properties.administrators
    return ObservedServer(
        name=required(server.name, "name").lower(),
        arm_id=required(server.id, "id"),
        region=required(server.location, "location"),
        state=as_text(required(properties.state, "state")),
        endpoint=required(properties.fully_qualified_domain_name, "fullyQualifiedDomainName"),
        minimal_tls_version=as_text(properties.minimal_tls_version) or None,
        public_network_access=as_text(properties.public_network_access) or None,
        tags=as_tags(server.tags),
        administrator_login=properties.administrator_login or "",
        entra_only=bool(entra and entra.azure_ad_only_authentication),
    )


def _group_state(client: SqlManagementClient, request: HttpRequest) -> str:
    response = client.send_request(request)
    response.raise_for_status()
    document = response.json()
    state = document.get("properties", {}).get("provisioningState") if isinstance(document, dict) else None
    return str(required(state, "provisioningState"))

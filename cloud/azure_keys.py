"""Databases' own keys and managed identities over Azure Resource Manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azure.core.rest import HttpRequest
from azure.mgmt.sql import SqlManagementClient, models

from cloud.arm import ArmCaller, required, sound
from cloud.errors import RetryLater
from cloud.keys import Identity, IdentityRef, OwnKey, Trust
from cloud.protocols import Accepted, ServerRef

IDENTITIES_API = "2023-01-31"
EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"
CURRENT = "current"


class AzureKeys(ArmCaller):
    """The part of `SqlManagement` about keys and identities."""

    def find_identity(self, identity: IdentityRef) -> Identity | None:
        found = self.read(
            identity.subscription_id, lambda client: self._document(client, "GET", _identity_path(identity))
        )
        return None if found is None else _identity(found)

    def put_identity(self, identity: IdentityRef, region: str, tags: Mapping[str, str]) -> Identity:
        body = {"location": region, "tags": dict(tags)}
        with self.calls(identity.subscription_id) as client:
            return _identity(self._document(client, "PUT", _identity_path(identity), body))

    def put_trust(self, identity: IdentityRef, name: str, trust: Trust) -> None:
        path = f"{_identity_path(identity)}/federatedIdentityCredentials/{name}"
        properties = {"issuer": trust.issuer, "subject": trust.subject, "audiences": [EXCHANGE_AUDIENCE]}
        with self.calls(identity.subscription_id) as client:
            self._document(client, "PUT", path, {"properties": properties})

    def list_database_keys(self, server: ServerRef, name: str) -> list[str] | None:
        def ask(client: SqlManagementClient) -> models.Database:
            return client.databases.get(server.resource_group, server.name, name, expand="keys")

        found = self.read(server.subscription_id, ask)
        if found is None:
            return None
        properties = sound(found.properties, models.DatabaseProperties)
        own = [properties.encryption_protector] if properties.encryption_protector else []
        return sorted({*(properties.keys_property or {}), *own})

    def begin_revalidate_key(self, server: ServerRef, name: str) -> Accepted:
        def send(client: SqlManagementClient, **options: Any) -> object:
            group = client.database_encryption_protectors
            return group.begin_revalidate(server.resource_group, server.name, name, CURRENT, **options)

        return self.begin(server.subscription_id, send)

    def begin_revert_key(self, server: ServerRef, name: str) -> Accepted:
        def send(client: SqlManagementClient, **options: Any) -> object:
            group = client.database_encryption_protectors
            return group.begin_revert(server.resource_group, server.name, name, CURRENT, **options)

        return self.begin(server.subscription_id, send)

    def _document(self, client: SqlManagementClient, method: str, path: str, body: Any = None) -> Mapping[str, Any]:
        url = f"{self._settings.arm_url}{path}?api-version={IDENTITIES_API}"
        response = client.send_request(HttpRequest(method, url, json=body))
        response.raise_for_status()
        try:
            document = response.json()
        except ValueError as error:
            raise RetryLater("InvalidAnswer", "The answer is not JSON.") from error
        return sound(document, dict)


def identity_body(key: OwnKey) -> models.DatabaseIdentity:
    """Exactly one user-assigned identity."""
    return models.DatabaseIdentity(
        type="UserAssigned", user_assigned_identities={key.identity_id: models.DatabaseUserIdentity()}
    )


def key_seen(database: models.Database) -> OwnKey | None:
    """The database's own key, as a GET or a listing shows it; None where the service's protects it."""
    properties = sound(database.properties, models.DatabaseProperties)
    if not properties.encryption_protector:
        return None
    given = database.identity.user_assigned_identities if database.identity else None
    identity_id = next(iter(given or {}), "")
    return OwnKey(properties.encryption_protector, identity_id, bool(properties.encryption_protector_auto_rotation))


def _identity_path(identity: IdentityRef) -> str:
    group = f"/subscriptions/{identity.subscription_id}/resourceGroups/{identity.resource_group}"
    return f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity.name}"


def _identity(document: Mapping[str, Any]) -> Identity:
    properties = sound(required(document.get("properties"), "properties"), dict)
    return Identity(
        arm_id=str(required(document.get("id"), "id")),
        principal_id=str(required(properties.get("principalId"), "principalId")),
        client_id=str(required(properties.get("clientId"), "clientId")),
        tenant_id=str(required(properties.get("tenantId"), "tenantId")),
    )

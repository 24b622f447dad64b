"""`SecretStore` over Microsoft's SDK: one vault, no retries, no polling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.pipeline.transport import HttpTransport
from azure.keyvault.secrets import SecretClient, SecretProperties

from cloud.arm import required
from cloud.classify import ABSENT, azure_errors
from cloud.errors import Missing
from cloud.protocols import SecretVersion
from cloud.secrets import Secret
from cloud.settings import CloudSettings


class AzureSecretStore:
    """Secrets of the vault at `vault_url`. A deleted name raises AlreadyThere until it is purged."""

    def __init__(
        self,
        settings: CloudSettings,
        *,
        vault_url: str,
        credential: TokenCredential,
        transport: HttpTransport[Any, Any],
    ) -> None:
        self._vault_url = vault_url
        self._client = SecretClient(
            vault_url,
            credential,
            transport=transport,
            verify_challenge_resource=settings.verify_challenge_resource,
            retry_total=0,
            permit_redirects=False,
        )

    def set(
        self, name: str, value: Secret, *, tags: Mapping[str, str], expires_at: datetime | None = None
    ) -> SecretVersion:
        with azure_errors():
            made = self._client.set_secret(name, value.reveal(), tags=dict(tags), expires_on=expires_at)
            return self._version(made.properties)

    def get(self, name: str, version: str | None = None) -> tuple[Secret, SecretVersion] | None:
        """The newest version (whatever its dates), or the named one; a disabled one raises Rejected SecretDisabled."""
        try:
            with azure_errors():
                found = self._client.get_secret(name, version)
        except Missing as missing:
            if missing.code in ABSENT:
                return None
            raise
        return Secret(required(found.value, "value")), self._version(found.properties)

    def versions(self, name: str) -> Sequence[SecretVersion]:
        """All versions, oldest first (Key Vault dates them to the second); none when the name is unknown or deleted."""
        try:
            with azure_errors():
                listed = [self._version(one) for one in self._client.list_properties_of_secret_versions(name)]
        except Missing as missing:
            if missing.code in ABSENT:
                return []
            raise
        return sorted(listed, key=lambda one: one.created_at.timestamp() if one.created_at else 0.0)

    def disable(self, name: str, version: str) -> None:
        with azure_errors():
            self._client.update_secret_properties(name, version, enabled=False)

    def begin_recover(self, name: str) -> None:
        """Ask for a soft-deleted name back and do not wait for it; one that is not deleted (any more) is no error."""
        try:
            with azure_errors():
                self._client.begin_recover_deleted_secret(name)
        except Missing as missing:
            if missing.code not in ABSENT:
                raise

    def _version(self, properties: SecretProperties) -> SecretVersion:
        return SecretVersion(
            vault_url=self._vault_url,
            name=required(properties.name, "name"),
            version=required(properties.version, "version"),
            enabled=bool(required(properties.enabled, "enabled")),
            tags=dict(properties.tags or {}),
            created_at=properties.created_on,
            expires_at=properties.expires_on,
        )

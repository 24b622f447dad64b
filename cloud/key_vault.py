"""`SecretStore` over Microsoft's SDK: one vault, no retries, no polling; every call asks our own budget first."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.pipeline.transport import HttpTransport
from azure.keyvault.secrets import SecretClient, SecretProperties

from cloud.arm import required
from cloud.classify import ABSENT, DEFAULT_RETRY_AFTER_SECONDS, azure_errors
from cloud.errors import Missing, Rejected, Throttled
from cloud.protocols import CallClass
from cloud.secret_store import SecretVersion
from cloud.secrets import Secret
from cloud.settings import CloudSettings
from cloud.throttle import VaultBudget

OWN_LIMIT = "OwnRateLimit"
FORBIDDEN = "Forbidden"  # of the vault's protection, and of our own rights


class _Gate(SansIOHTTPPolicy[Any, Any]):
    """Lets a request out only when the budget has a call left; setting a secret (PUT) has a limit of its own."""

    def __init__(self, take: Callable[[bool], None]) -> None:
        super().__init__()
        self._take = take

    def on_request(self, request: PipelineRequest[Any]) -> None:
        self._take(request.http_request.method == "PUT")


class AzureSecretStore:
    """Secrets of the vault at `vault_url`, in the name of `call_class`. A deleted name raises AlreadyThere until it is
    purged."""

    def __init__(
        self,
        settings: CloudSettings,
        *,
        vault_url: str,
        credential: TokenCredential,
        transport: HttpTransport[Any, Any],
        budget: VaultBudget,
        call_class: CallClass,
    ) -> None:
        self._vault_url = vault_url
        self._subscription_id = settings.vault_subscription_id
        self._budget = budget
        self._call_class = call_class
        self._client = SecretClient(
            vault_url,
            credential,
            transport=transport,
            verify_challenge_resource=settings.verify_challenge_resource,
            retry_total=0,
            permit_redirects=False,
            per_retry_policies=[_Gate(self._take)],
        )

    def set(
        self, name: str, value: Secret, *, tags: Mapping[str, str], expires_at: datetime | None = None
    ) -> SecretVersion:
        with self._calls():
            made = self._client.set_secret(name, value.reveal(), tags=dict(tags), expires_on=expires_at)
            return self._version(made.properties)

    def get(self, name: str, version: str | None = None) -> tuple[Secret, SecretVersion] | None:
        """The newest version (whatever its dates), or the named one; a disabled one raises Rejected SecretDisabled."""
        try:
            with self._calls():
                found = self._client.get_secret(name, version)
        except Missing as missing:
            if missing.code in ABSENT:
                return None
            raise
        return Secret(required(found.value, "value")), self._version(found.properties)

    def versions(self, name: str) -> Sequence[SecretVersion]:
        """All versions, oldest first (Key Vault dates them to the second); none when the name is unknown or deleted."""
        try:
            with self._calls():
                listed = [self._version(one) for one in self._client.list_properties_of_secret_versions(name)]
        except Missing as missing:
            if missing.code in ABSENT:
                return []
            raise
        return sorted(listed, key=lambda one: one.created_at.timestamp() if one.created_at else 0.0)

    def disable(self, name: str, version: str) -> None:
        with self._calls():
            self._client.update_secret_properties(name, version, enabled=False)

    def begin_recover(self, name: str) -> None:
        """Ask for a soft-deleted name back and do not wait for it; one that is not deleted (any more) is no error."""
        try:
            with self._calls():
                self._client.begin_recover_deleted_secret(name)
        except Missing as missing:
            if missing.code not in ABSENT:
                raise

    def begin_delete(self, name: str) -> None:
        """Ask for the deletion and do not wait for it; Key Vault shows the name as deleted at once."""
        try:
            with self._calls():
                self._client.begin_delete_secret(name)
        except Missing as missing:
            if missing.code not in ABSENT:
                raise

    def recoverable_until(self, name: str) -> datetime | None:
        try:
            with self._calls():
                return required(self._client.get_deleted_secret(name).scheduled_purge_date, "scheduledPurgeDate")
        except Missing as missing:
            if missing.code in ABSENT:
                return None
            raise

    def purge(self, name: str) -> bool:
        try:
            with self._calls():
                self._client.purge_deleted_secret(name)
        except Missing as missing:
            if missing.code not in ABSENT:
                raise
        except Rejected as refused:
            if refused.code != FORBIDDEN:
                raise
            return False
        return True

    @contextlib.contextmanager
    def _calls(self) -> Iterator[None]:
        """What the SDK raises becomes one of our classes, and a 429 closes the vault for everyone of this class."""
        try:
            with azure_errors():
                yield
        except Throttled as refused:
            if refused.code != OWN_LIMIT:
                seconds = refused.retry_after or DEFAULT_RETRY_AFTER_SECONDS
                self._budget.close(self._vault_url, self._call_class, seconds)
            raise

    def _take(self, write: bool) -> None:
        wait = self._budget.take(self._vault_url, self._subscription_id, self._call_class, write=write)
        if wait > 0:
            raise Throttled(OWN_LIMIT, f"{self._call_class} waits for its turn at the vault", retry_after=wait)

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

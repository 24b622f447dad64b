"""Settings → clients, made when first asked for, once a process; a forked child makes its own.

`configure` is called once by whoever wires the product (settings, a test); everything else asks for a protocol.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from azure.core.credentials import TokenCredential
from azure.core.pipeline.transport import HttpTransport
from azure.identity import (
    AzureAuthorityHosts,
    ClientSecretCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)

from cloud import mssql_driver
from cloud.azure_logins import AzureSqlLogins
from cloud.azure_management import AzureSqlManagement
from cloud.azure_metrics import AzureMetrics, Metrics
from cloud.classify import azure_errors
from cloud.key_inspector import AzureKeyInspector
from cloud.key_vault import AzureSecretStore
from cloud.keys import KeyInspector
from cloud.protocols import CallClass, SqlLogins, SqlManagement
from cloud.secret_store import SecretStore
from cloud.secrets import Secret
from cloud.settings import CloudSettings, CredentialKind, SqlDriverKind
from cloud.sql_drivers import DriverInUse, SqlDriver
from cloud.throttle import Bucket, LocalBucket, VaultBudget, vault_budget
from cloud.transport import bounded_transport

__all__ = [
    "CloudSettings",
    "configure",
    "key_inspector",
    "may_come_as_identities",
    "metrics",
    "secret_store",
    "sql_logins",
    "sql_management",
]

_KNOWN_AUTHORITIES = frozenset(
    {AzureAuthorityHosts.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_GOVERNMENT, AzureAuthorityHosts.AZURE_CHINA}
)


class NotConfigured(RuntimeError):
    """A client was asked for before `configure` was called."""


@dataclass
class _Clients:
    """Everything made from one configuration in one process."""

    settings: CloudSettings
    given_transport: HttpTransport[Any, Any] | None = None
    given_driver: SqlDriver | None = None
    bucket: Bucket = field(default_factory=LocalBucket)
    vault_budget: VaultBudget = field(default_factory=lambda: vault_budget(LocalBucket))
    management: dict[CallClass, SqlManagement] = field(default_factory=dict)
    vaults: dict[tuple[str, CallClass], SecretStore] = field(default_factory=dict)
    inspectors: dict[tuple[str, CallClass], KeyInspector] = field(default_factory=dict)

    @cached_property
    def transport(self) -> HttpTransport[Any, Any]:
        return self.given_transport or bounded_transport(self.settings)

    @cached_property
    def credential(self) -> TokenCredential:
        return _credential(self.settings, self.transport)

    @cached_property
    def logins(self) -> SqlLogins:
        return AzureSqlLogins(self.settings, driver=self.given_driver or _driver(self.settings), token=self._sql_token)

    @cached_property
    def metrics(self) -> Metrics:
        return AzureMetrics(self.settings, credential=self.credential, transport=self.transport, bucket=self.bucket)

    def _sql_token(self) -> Secret:
        """Our access token for Azure SQL, kept by the credential until it is old. Raises Rejected, RetryLater."""
        with azure_errors():
            return Secret(self.credential.get_token(self.settings.sql_scope).token)

    def fresh(self) -> _Clients:
        """The same configuration with nothing made yet."""
        return _Clients(self.settings, self.given_transport, self.given_driver, self.bucket, self.vault_budget)


_lock = threading.RLock()
_clients: _Clients | None = None


def configure(
    settings: CloudSettings,
    *,
    transport: HttpTransport[Any, Any] | None = None,
    sql_driver: SqlDriver | None = None,
    bucket: Bucket | None = None,
    budget: VaultBudget | None = None,
) -> None:
    """Say where Azure is. `transport` and `sql_driver` replace the network (tests); `bucket` (calls to ARM) and `budget`
    (calls to vaults) are shared by all workers.

    May be called again: clients made before keep their configuration, later ones have the new one.
    """
    global _clients
    with _lock:
        _clients = _Clients(
            settings, transport, sql_driver, bucket or LocalBucket(), budget or vault_budget(LocalBucket)
        )


def sql_management(call_class: CallClass = CallClass.USER) -> SqlManagement:
    """ARM, in the name of this class of work."""
    with _lock:
        made = _configured()
        if call_class not in made.management:
            made.management[call_class] = AzureSqlManagement(
                made.settings,
                credential=made.credential,
                transport=made.transport,
                bucket=made.bucket,
                call_class=call_class,
            )
        return made.management[call_class]


def metrics() -> Metrics:
    """Azure Monitor."""
    with _lock:
        return _configured().metrics


def sql_logins() -> SqlLogins:
    """Sign-ins over TDS."""
    with _lock:
        return _configured().logins


def secret_store(vault_url: str | None = None, *, call_class: CallClass = CallClass.USER) -> SecretStore:
    """The vault at this URL, or the configured one, in the name of this class of work."""
    with _lock:
        made = _configured()
        url = (vault_url or made.settings.vault_url).rstrip("/")
        if not url:
            raise NotConfigured("No vault URL is configured.")
        if (url, call_class) not in made.vaults:
            made.vaults[url, call_class] = AzureSecretStore(
                made.settings,
                vault_url=url,
                credential=made.credential,
                transport=made.transport,
                budget=made.vault_budget,
                call_class=call_class,
            )
        return made.vaults[url, call_class]


def may_come_as_identities() -> bool:
    """Whether we have a token by which identities that trust us let us come as them."""
    with _lock:
        return bool(_configured().settings.federated_token_file)


def key_inspector(client_id: str = "", *, call_class: CallClass = CallClass.USER) -> KeyInspector:
    """Customers' keys as the identity with this client id sees them; as ourselves without one."""
    with _lock:
        made = _configured()
        if (client_id, call_class) not in made.inspectors:
            made.inspectors[client_id, call_class] = AzureKeyInspector(
                made.settings,
                credential=_credential_as(client_id, made) if client_id else made.credential,
                transport=made.transport,
                budget=made.vault_budget,
                call_class=call_class,
            )
        return made.inspectors[client_id, call_class]


def _configured() -> _Clients:
    if _clients is None:
        raise NotConfigured("cloud.factory.configure was not called.")
    return _clients


def _credential(settings: CloudSettings, transport: HttpTransport[Any, Any]) -> TokenCredential:
    if settings.credential is CredentialKind.MANAGED_IDENTITY:
        return ManagedIdentityCredential(client_id=settings.client_id or None, transport=transport, retry_total=0)
    authority = _authority(settings, transport)
    if settings.credential is CredentialKind.WORKLOAD_IDENTITY:
        return WorkloadIdentityCredential(tenant_id=settings.tenant_id, client_id=settings.client_id, **authority)
    if settings.client_secret is None:
        raise NotConfigured("The credential client_secret needs a client secret.")
    return ClientSecretCredential(settings.tenant_id, settings.client_id, settings.client_secret.reveal(), **authority)


def _authority(settings: CloudSettings, transport: HttpTransport[Any, Any]) -> dict[str, Any]:
    return {
        "authority": settings.authority_url,
        "disable_instance_discovery": urlsplit(settings.authority_url).hostname not in _KNOWN_AUTHORITIES,
        "transport": transport,
        "retry_total": 0,
    }


def _credential_as(client_id: str, made: _Clients) -> TokenCredential:
    """A managed identity that trusts the issuer of our federated token."""
    settings = made.settings
    if not settings.federated_token_file:
        raise NotConfigured("There is no token by which to come as an identity.")
    return WorkloadIdentityCredential(
        tenant_id=settings.tenant_id,
        client_id=client_id,
        token_file_path=settings.federated_token_file,
        **_authority(settings, made.transport),
    )


def driver_in_use(kind: SqlDriverKind) -> DriverInUse:
    """What `sql_logins` signs in with on this machine when the settings say `kind`. Connects to nothing."""
    found = _found_here(kind)
    if found is SqlDriverKind.MSSQL_PYTHON:
        return DriverInUse(found.value, version(found.value), mssql_driver.validates_tls())
    from cloud import tds_driver  # here: importing it replaces functions of python-tds

    return DriverInUse(found.value, version(found.value), tds_driver.validates_tls())


def _found_here(kind: SqlDriverKind) -> SqlDriverKind:
    if kind is not SqlDriverKind.AUTO:
        return kind
    return SqlDriverKind.MSSQL_PYTHON if mssql_driver.loads_here() else SqlDriverKind.PYTHON_TDS


def _driver(settings: CloudSettings) -> SqlDriver:
    kind = _found_here(settings.sql_driver)
    if kind is SqlDriverKind.MSSQL_PYTHON:
        return mssql_driver.MssqlPython(settings)
    from cloud import tds_driver  # here: importing it replaces functions of python-tds

    return tds_driver.PythonTds(settings)


def _forget_after_fork() -> None:
    """A child has its own sockets and locks."""
    global _clients, _lock
    _lock = threading.RLock()
    _clients = _clients.fresh() if _clients else None


os.register_at_fork(after_in_child=_forget_after_fork)

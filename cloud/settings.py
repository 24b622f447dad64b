"""Where Azure is and as whom we come. The simulator and the real Azure differ in these values alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cloud.secrets import Secret


class CredentialKind(StrEnum):
    """How the process proves who it is to Entra."""

    CLIENT_SECRET = "client_secret"  # noqa: S105 - the name of a way, not a secret
    WORKLOAD_IDENTITY = "workload_identity"
    MANAGED_IDENTITY = "managed_identity"


class SqlDriverKind(StrEnum):
    """`auto` takes mssql-python where its native libraries load, else python-tds."""

    AUTO = "auto"
    MSSQL_PYTHON = "mssql-python"
    PYTHON_TDS = "python-tds"


@dataclass(frozen=True, slots=True)
class CloudSettings:
    """Everything that the adapters need. URLs are https, without a trailing slash; times are seconds.

    `metrics_url` is a template: {region} is replaced where it stands. The vault shares the limits of
    `vault_subscription_id`. `ca_file` (PEM) is trusted instead of the public authorities. `sql_host` is dialled instead of
    each server's own DNS name: the simulator answers for all logical servers there. `verify_challenge_resource` may be off
    only where vaults have no host of their own (the simulator's ports). `federated_token_file` holds a token of an issuer that
    identities trust: by it we come to a vault as one of them; empty: we cannot.
    """

    tenant_id: str
    credential: CredentialKind = CredentialKind.CLIENT_SECRET
    client_id: str = ""
    client_secret: Secret | None = None
    authority_url: str = "https://login.microsoftonline.com"
    arm_url: str = "https://management.azure.com"
    arm_scope: str = "https://management.azure.com/.default"
    metrics_url: str = "https://{region}.metrics.monitor.azure.com"
    vault_url: str = ""
    vault_subscription_id: str = ""
    verify_challenge_resource: bool = True
    sql_host: str | None = None
    sql_port: int = 1433
    sql_scope: str = "https://database.windows.net/.default"
    sql_driver: SqlDriverKind = SqlDriverKind.AUTO
    ca_file: str | None = None
    federated_token_file: str = ""
    connect_seconds: float = 5.0
    read_seconds: float = 25.0

"""The product's adapters against simulator parts in this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cloud import factory
from cloud.secrets import Secret
from cloud.settings import CloudSettings
from cloud.sql_drivers import SqlTarget
from cloud.sql_failures import SqlFailure
from cloud.throttle import Bucket, VaultBudget
from simulator.azure import Azure
from simulator.tds.directory import Directory
from simulator.tds.engine import SqlSession, connect
from simulator.tds.errors import SqlError
from simulator.transport import Around, InProcessTransport, plain

VAULT = "https://vault.vault.azure.net"


def settings_for(azure: Azure, **changes: Any) -> CloudSettings:
    """Real Azure's own addresses but for the authority: nothing leaves this process anyway."""
    words: dict[str, Any] = {
        "tenant_id": azure.tenant,
        "client_id": azure.entra.client_id,
        "client_secret": Secret(azure.entra.client_secret),
        "authority_url": "https://localhost",
        "vault_url": VAULT,
    }
    return CloudSettings(**{**words, **changes})


def configure(
    azure: Azure,
    *,
    around: Around = plain,
    bucket: Bucket | None = None,
    budget: VaultBudget | None = None,
    **changes: Any,
) -> None:
    """Point `cloud` at this simulator, SQL included; `around` wraps every HTTP exchange."""
    factory.configure(
        settings_for(azure, **changes),
        transport=InProcessTransport(azure, around),
        sql_driver=InProcessSql(azure.sql_directory),
        bucket=bucket,
        budget=budget,
    )


class InProcessSql:
    """A `SqlDriver` that signs in to the simulator's engine without a socket."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def connect(self, target: SqlTarget) -> InProcessSession:
        password = target.password.reveal()
        try:
            session = connect(
                self._directory,
                server=target.server
                if target.token
                else target.host,  # Azure's host names say it; a token has no suffix
                database=target.database,
                user=target.login_name if target.user else "",
                password=password,
                token=target.token.reveal() if target.token else "",
            )
        except SqlError as error:
            raise _failure(error) from None
        return InProcessSession(session)


class InProcessSession:
    def __init__(self, session: SqlSession) -> None:
        self._session = session

    def execute(self, statement: str) -> Sequence[tuple[Any, ...]]:
        try:
            results = self._session.execute(statement)
        except SqlError as error:
            raise _failure(error) from None
        return results[0].rows if results else []

    def close(self) -> None:
        self._session.close()


def _failure(error: SqlError) -> SqlFailure:
    return SqlFailure(error.message, number=error.number, severity=error.severity)

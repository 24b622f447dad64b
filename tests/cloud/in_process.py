"""The product's adapters against simulator parts in this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cloud.secrets import Secret
from cloud.settings import CloudSettings
from cloud.sql_drivers import SqlTarget
from cloud.sql_failures import SqlFailure
from simulator.tds.directory import Directory
from simulator.tds.engine import SqlSession, connect
from simulator.tds.errors import SqlError

TENANT = "11111111-2222-3333-4444-555555555555"


def settings_for(client_id: str, client_secret: str, **changes: Any) -> CloudSettings:
    words: dict[str, Any] = {"tenant_id": TENANT, "client_id": client_id, "client_secret": Secret(client_secret)}
    return CloudSettings(**{**words, "authority_url": "https://localhost:8443", **changes})


class InProcessSql:
    """A `SqlDriver` that signs in to the simulator's engine without a socket."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def connect(self, target: SqlTarget) -> InProcessSession:
        password = target.password.reveal()
        try:
            session = connect(
                self._directory,
                server=target.host,
                database=target.database,
                user=target.login_name,
                password=password,
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

"""The small port behind `SqlLogins`. Its drivers validate the server's certificate and host name, always."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cloud.secrets import Secret


@dataclass(frozen=True, slots=True)
class SqlTarget:
    """One sign-in: `host:port` is dialled; `server` is the logical server's name, `user` the name in the database.

    With `token`, an access token of Entra, user and password are empty.
    """

    host: str
    port: int
    server: str
    database: str
    user: str
    password: Secret
    token: Secret | None = None

    @property
    def login_name(self) -> str:
        """`user@server`: the documented form that tells one gateway (or port) for many servers which is meant."""
        return f"{self.user}@{self.server}"


@dataclass(frozen=True, slots=True)
class DriverInUse:
    """Which driver signs in, and whether it checks the server's certificate and host name, as this process has loaded it."""

    name: str
    version: str
    validates_tls: bool

    def __str__(self) -> str:
        tls = (
            "certificate and host name are checked" if self.validates_tls else "NOBODY CHECKS the server's certificate"
        )
        return f"{self.name} {self.version}; TLS: {tls}"


class Session(Protocol):
    """An open connection in autocommit mode. `execute` raises SqlFailure; the rows of the first result come back."""

    def execute(self, statement: str) -> Sequence[tuple[Any, ...]]: ...
    def close(self) -> None: ...


class SqlDriver(Protocol):
    """Opens connections; raises SqlFailure when the server refuses or cannot be reached."""

    def connect(self, target: SqlTarget) -> Session: ...

"""What the SQL side must know of the rest of the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from simulator.clock import Clock
from simulator.store import Store
from simulator.tds.sessions import Sessions

PRINCIPALS = "sql_principals"
PERMISSIONS = "sql_permissions"
SCHEMAS = "sql_schemas"
TABLES = "sql_tables"
HISTORY = "sql_history"
MODULES = "sql_modules"
KINDS = (PRINCIPALS, PERMISSIONS, SCHEMAS, TABLES, MODULES)


class Admission(StrEnum):
    """Whether the server's network settings let a client in."""

    OPEN = "open"
    FIREWALL_REFUSES = "firewall_refuses"
    PUBLIC_ACCESS_OFF = "public_access_off"


@dataclass(frozen=True, slots=True)
class LogicalServer:
    """A Microsoft.Sql server. `name` is the first DNS label, lower case; `entra_only` switches every password off."""

    name: str
    entra_only: bool = False


@dataclass(frozen=True, slots=True)
class SqlDatabase:
    """A database that exists for ARM.

    `id` is new with every creation (the databaseId will do), so that users, tables and sessions never pass from a
    dropped database to a new one of the same name. While `online` is false (creating, failing over) logins hear 40613.
    `primary_id` is set on a readable secondary: it shows what that database holds, and takes no writes.
    `key` is ARM's name for it; `in_memory`: its tier has in-memory OLTP.
    """

    id: str
    name: str
    online: bool = True
    primary_id: str = ""
    key: str = ""
    in_memory: bool = False

    @property
    def contents_id(self) -> str:
        return self.primary_id or self.id


@dataclass(frozen=True, slots=True)
class EntraIdentity:
    """An application or managed identity of the directory. Databases know it by its client id."""

    object_id: str
    client_id: str
    name: str


class Directory(Protocol):
    """Servers, databases and their doors. Names come in any case.

    `store` holds the documents of this side (`KINDS`, keys starting with the database's id and a slash); `sessions`
    is one registry for all connections, in process and by socket.
    """

    @property
    def store(self) -> Store: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def sessions(self) -> Sessions: ...

    def server(self, name: str) -> LogicalServer | None:
        """The server of that name (the first DNS label, in any case)."""
        ...

    def servers_with_database(self, database: str) -> Sequence[LogicalServer]:
        """Every server with a database of that name, of linked ones the primary's alone: if there is one, a client on
        localhost can mean no other."""
        ...

    def database(self, server: LogicalServer, name: str) -> SqlDatabase | None:
        """None when ARM would answer 404 as well. Every server has `master`."""
        ...

    def data_bytes(self, database: SqlDatabase) -> int:
        """How much its data files hold."""
        ...

    def is_administrator(self, server: LogicalServer, login: str, password: str) -> bool:
        """Whether these are the server's administratorLogin (any case) and its password (exactly)."""
        ...

    def administrator_login(self, server: LogicalServer) -> str:
        """The login's name as it was given; empty on a server without one."""
        ...

    def admission(self, server: LogicalServer, client_address: str) -> Admission: ...

    def entra_identity(self, token: str) -> EntraIdentity | None:
        """Whom an access token for Azure SQL stands for; None for a token that is not good there."""
        ...

    def entra_identity_named(self, name: str) -> EntraIdentity | None:
        """The application or managed identity of that display name (any case)."""
        ...

    def entra_identity_of(self, object_id: str) -> EntraIdentity | None:
        """The application or managed identity of that object id (any case)."""
        ...

    def is_entra_administrator(self, server: LogicalServer, identity: EntraIdentity) -> bool: ...


def forget_database(directory: Directory, database_id: str) -> None:
    """Drop what a database held and end its sessions: for when ARM deletes it. Repeating it is harmless."""
    for kind in (*KINDS, HISTORY):
        for key, _ in directory.store.items(kind, prefix=f"{database_id}/"):
            directory.store.delete(kind, key)
    for session in directory.sessions.of_database(database_id):
        directory.sessions.kill(session.id, database_id=database_id)

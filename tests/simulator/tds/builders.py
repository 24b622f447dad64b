"""A small world for the SQL side: servers and databases in dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from simulator.clock import Clock
from simulator.store import Store
from simulator.tds.directory import Admission, EntraIdentity, LogicalServer, SqlDatabase, forget_database
from simulator.tds.engine import SqlSession, connect
from simulator.tds.errors import SqlError
from simulator.tds.sessions import Sessions

ADMIN = "sppadmin"
ADMIN_PASSWORD = "Admin-Pass-0001"
PASSWORD = "Fresh-Pass-0001"
SERVER = "spp-eastus-abc"
DATABASE = "d-one"


@dataclass
class World:
    """Implements simulator.tds.directory.Directory."""

    store: Store = field(default_factory=Store)
    clock: Clock = field(default_factory=Clock)
    sessions: Sessions = field(default_factory=Sessions)
    servers: dict[str, LogicalServer] = field(default_factory=dict)
    databases: dict[tuple[str, str], SqlDatabase] = field(default_factory=dict)
    identities: dict[str, EntraIdentity] = field(default_factory=dict)  # by token
    doors: dict[str, Admission] = field(default_factory=dict)

    def add_server(self, name: str, *, entra_only: bool = False) -> LogicalServer:
        self.servers[name] = LogicalServer(name, entra_only)
        self.add_database(name, "master")
        return self.servers[name]

    def add_database(self, server: str, name: str, *, online: bool = True, id: str = "") -> SqlDatabase:
        database = SqlDatabase(id or f"{server}:{name}", name, online)
        self.databases[server, name.lower()] = database
        return database

    def drop_database(self, server: str, name: str) -> None:
        forget_database(self, self.databases.pop((server, name)).id)

    def server(self, name: str) -> LogicalServer | None:
        return self.servers.get(name.lower())

    def servers_with_database(self, database: str) -> Sequence[LogicalServer]:
        return [self.servers[server] for server, name in self.databases if name == database.lower()]

    def database(self, server: LogicalServer, name: str) -> SqlDatabase | None:
        return self.databases.get((server.name, name.lower()))

    def data_bytes(self, database: SqlDatabase) -> int:
        return 8192

    def is_administrator(self, server: LogicalServer, login: str, password: str) -> bool:
        return login.lower() == ADMIN and password == ADMIN_PASSWORD

    def administrator_login(self, server: LogicalServer) -> str:
        return ADMIN

    def entra_identity(self, token: str) -> EntraIdentity | None:
        return self.identities.get(token)

    def entra_identity_named(self, name: str) -> EntraIdentity | None:
        return next((one for one in self.identities.values() if one.name == name), None)

    def entra_identity_of(self, object_id: str) -> EntraIdentity | None:
        return next((one for one in self.identities.values() if one.object_id == object_id.lower()), None)

    def is_entra_administrator(self, server: LogicalServer, identity: EntraIdentity) -> bool:
        return identity.name == "fleet-admin"

    def admission(self, server: LogicalServer, client_address: str) -> Admission:
        return self.doors.get(client_address, Admission.OPEN)


def a_world(state: Path | None = None) -> World:
    """One server with one database."""
    world = World(store=Store(state))
    world.add_server(SERVER)
    world.add_database(SERVER, DATABASE)
    return world


def an_admin(world: World, database: str = DATABASE) -> SqlSession:
    return connect(world, server=SERVER, database=database, user=ADMIN, password=ADMIN_PASSWORD)


def a_user(world: World, name: str = "svc_a", *, roles: Sequence[str] = (), password: str = PASSWORD) -> SqlSession:
    """Create a contained user with these roles and sign in as it."""
    admin = an_admin(world)
    admin.execute(f"CREATE USER [{name}] WITH PASSWORD = N'{password}'")
    for role in roles:
        admin.execute(f"ALTER ROLE [{role}] ADD MEMBER [{name}]")
    admin.close()
    return sign_in(world, name, password)


def sign_in(world: World, name: str, password: str = PASSWORD) -> SqlSession:
    return connect(world, server=SERVER, database=DATABASE, user=name, password=password)


def number_of(call: Callable[[], object]) -> int:
    with pytest.raises(SqlError) as caught:
        call()
    return caught.value.number


def refused(session: SqlSession, sql: str) -> int:
    return number_of(lambda: session.execute(sql))


def value(session: SqlSession, sql: str) -> object:
    return session.execute(sql)[0].rows[0][0]

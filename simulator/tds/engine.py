"""A session in process: what a login gives, without any wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from simulator.tds import errors
from simulator.tds.directory import Admission, Directory, LogicalServer, SqlDatabase
from simulator.tds.errors import SqlError
from simulator.tds.execution import DEEPEST_NESTING, Batch, Event, Failed
from simulator.tds.modules import Module, Modules
from simulator.tds.overlay import Overlay
from simulator.tds.passwords import password_matches
from simulator.tds.principals import DBO, EXTERNAL_USER, ROLE, Principal, Principals, entra_sid
from simulator.tds.rights import Rights
from simulator.tds.sessions import SessionRecord
from simulator.tds.tables import Table, Tables
from simulator.tds.values import ResultSet, Value

DNS_SUFFIX = ".database.windows.net"


@dataclass(frozen=True, slots=True)
class Client:
    """What a client says of itself; none of it is checked."""

    address: str
    host: str
    program: str


def connect(
    directory: Directory,
    *,
    database: str,
    user: str,
    password: str,
    server: str = "",
    server_name_indication: str = "",
    token: str = "",
    client_address: str = "127.0.0.1",
    host: str = "",
    program: str = "",
) -> SqlSession:
    """Sign in as over the wire, with a password or an Entra token.

    Raises SqlError: 40532, 40615, 47073, 4060 (then 18456), 40613, 18456.

    Which server is meant: the suffix of `user@server` if such a server exists, else the first label of `server` (what
    the client dialled), else of the TLS server name, else the only server that has this database, of linked ones
    the primary's. A client on localhost thus needs the suffix or a database name that is unique in the simulator.
    """
    client = Client(client_address, host, program)
    login, found = _find_server(directory, user, (server, server_name_indication), database)
    _demand_admission(directory, found, client)
    opened = _open_database(directory, found, database or "master", login or errors.TOKEN_PRINCIPAL)
    identify = _identify if token else _authenticate
    principal, known_as = identify(directory, found, opened, login, token or password)
    is_entra = bool(token)
    return SqlSession(
        directory, server=found, database=opened, login=known_as, user=principal, client=client, is_entra=is_entra
    )


def _find_server(directory: Directory, user: str, dialled: tuple[str, ...], database: str) -> tuple[str, LogicalServer]:
    login, _, suffix = user.rpartition("@")
    if login and (named := directory.server(first_label(suffix))):
        return login, named
    for name in dialled:
        if name and (named := directory.server(first_label(name))):
            return user, named
    owners = directory.servers_with_database(database) if database else ()
    if len(owners) == 1:
        return user, owners[0]
    raise errors.cannot_open_server(first_label(dialled[0]))


def first_label(name: str) -> str:
    """`tcp:A.database.windows.net,1433` → `a`; FreeTDS may send a NUL inside."""
    host = name.split("\0", maxsplit=1)[0].lower().removeprefix("tcp:")
    return host.split(",")[0].split("\\")[0].split(".")[0]


def _demand_admission(directory: Directory, server: LogicalServer, client: Client) -> None:
    admission = directory.admission(server, client.address)
    if admission is Admission.FIREWALL_REFUSES:
        raise errors.firewall_refuses(server.name, client_address=client.address)
    if admission is Admission.PUBLIC_ACCESS_OFF:
        raise errors.public_access_off()


def _open_database(directory: Directory, server: LogicalServer, name: str, user: str) -> SqlDatabase:
    database = directory.database(server, name)
    if database is None:
        raise errors.cannot_open_database(name, user=user)
    if not database.online:
        raise errors.database_unavailable(database.name, server=server.name)
    return database


def _authenticate(
    directory: Directory, server: LogicalServer, database: SqlDatabase, login: str, password: str
) -> tuple[Principal, str]:
    """Who signs in with this password: the server's administrator is dbo, others need a user of their own."""
    if server.entra_only:
        raise errors.login_failed(login)
    if directory.is_administrator(server, login, password):
        return DBO, directory.administrator_login(server)
    user = _principals(directory, database).find(login)
    if user is None or user.type == ROLE or not user.password or not password_matches(password, user.password):
        raise errors.login_failed(login)
    return user, user.name


def _identify(
    directory: Directory, server: LogicalServer, database: SqlDatabase, _login: str, token: str
) -> tuple[Principal, str]:
    """Who the token stands for: the server's Entra administrator is dbo, others need a user of their own."""
    identity = directory.entra_identity(token)
    if identity is None:
        raise errors.login_failed(errors.TOKEN_PRINCIPAL)
    if directory.is_entra_administrator(server, identity):
        return DBO, identity.name
    principals = _principals(directory, database)
    user = principals.by_sid(entra_sid(identity.client_id))
    if user is None or user.type != EXTERNAL_USER:
        raise errors.login_failed(errors.TOKEN_PRINCIPAL)
    if not Rights(Overlay(directory.store, directory.clock), database.contents_id, principals, user).allows("CONNECT"):
        raise errors.cannot_open_database(database.name, user=errors.TOKEN_PRINCIPAL)
    return user, user.name


def _principals(directory: Directory, database: SqlDatabase) -> Principals:
    return Principals(Overlay(directory.store, directory.clock), database.contents_id, directory.clock)


class SqlSession:
    """One connection. A changed password leaves it open; a dropped user keeps only public's rights; KILL ends it."""

    directory: Directory
    server: LogicalServer
    database: SqlDatabase
    login: str
    overlay: Overlay
    row_count: int
    last_error: int

    def __init__(
        self,
        directory: Directory,
        *,
        server: LogicalServer,
        database: SqlDatabase,
        login: str,
        user: Principal,
        client: Client,
        is_entra: bool = False,
    ) -> None:
        self.is_entra = is_entra
        self.directory = directory
        self.server = server
        self.database = database
        self.login = login
        self.overlay = Overlay(directory.store, directory.clock)
        self.principals = Principals(self.overlay, database.contents_id, directory.clock)
        self.tables = Tables(self.overlay, database.contents_id, database.name)
        self.modules = Modules(self.overlay, database.contents_id)
        self.record: SessionRecord = directory.sessions.open(
            database.id,
            login=login,
            host=client.host,
            program=client.program,
            client_address=client.address,
            connected_at=directory.clock.now(),
        )
        self.row_count = 0
        self.last_error = 0
        self._user = user
        self._chain: list[str] = []

    @property
    def principal(self) -> Principal:
        """The user as it is now: perhaps renamed, perhaps dropped (then without roles)."""
        if self._user is DBO:
            return DBO
        gone = Principal(self._user.name, self._user.type, -1, sid=self._user.sid)
        return self.principals.by_sid(self._user.sid) or gone

    @property
    def rights(self) -> Rights:
        return Rights(self.overlay, self.database.contents_id, self.principals, self.principal)

    @property
    def default_schema(self) -> str:
        return self.principal.default_schema or "dbo"

    def demand(self, permission: str, schema: str, name: str) -> None:
        """Error 229 without this right; inside a view or procedure what has the same owner is not asked for."""
        owners = self.tables.schemas()
        if owners.get(schema) not in self._chain[-1:]:
            self.rights.demand(permission, database=self.database.name, schema=schema, table=name)

    @contextmanager
    def inside(self, module: Module) -> Iterator[None]:
        """While a view or procedure runs. Error 217 when they call each other too deeply."""
        if len(self._chain) >= DEEPEST_NESTING:
            raise SqlError(217, 16, 1, "Maximum stored procedure nesting level exceeded (limit 32).")
        self._chain.append(self.tables.schemas()[module.schema])
        try:
            yield
        finally:
            self._chain.pop()

    def may_see(self, table: Table | Module) -> bool:
        """Tables, views and procedures show to whoever has any right on them."""
        rights = self.rights
        wanted = ("SELECT", "INSERT", "UPDATE", "DELETE", "EXECUTE", "ALTER")
        return any(rights.allows(permission, schema=table.schema, table=table.name) for permission in wanted)

    def run(self, sql: str, variables: dict[str, Value] | None = None) -> list[Event]:
        """Everything that a batch answers, errors among it. Raises SqlError 596 when the session has been ended."""
        self.demand_life()
        return Batch(self, dict(variables or {})).run(sql)

    def execute(self, sql: str, variables: dict[str, Value] | None = None) -> list[ResultSet]:
        """The result sets of a batch. Raises its first SqlError; what ran before (and after) it stays done."""
        events = self.run(sql, variables)
        for event in events:
            if isinstance(event, Failed):
                raise event.error
        return [event for event in events if isinstance(event, ResultSet)]

    def demand_life(self) -> None:
        """Raises SqlError 596 once the session was killed, by KILL or with its database."""
        if self.record.killed:
            raise errors.session_killed()

    def reset(self) -> None:
        """What a pool asks for before it hands the connection out again. The login is not checked anew."""
        self.overlay.rollback()
        self.row_count = self.last_error = 0

    def close(self) -> None:
        """Roll back what is open and free the session id. Closing twice is harmless."""
        self.overlay.rollback()
        self.directory.sessions.close(self.record)

"""`SqlLogins` over TDS: fresh connections, quoted DDL, errors by one table."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

from cloud.contents import DatabaseContents
from cloud.errors import AlreadyThere, Missing, RetryLater
from cloud.identities import EntraPrincipal, EntraUser, OwnIdentity
from cloud.protocols import LoginSpec
from cloud.secrets import Secret
from cloud.settings import CloudSettings
from cloud.sql_drivers import Session, SqlDriver, SqlTarget
from cloud.sql_failures import SqlFailure, classify_sql

LONGEST_IDENTIFIER = 128
PAGE_BYTES = 8192
CONNECT_OF = (
    "SELECT state_desc FROM sys.database_permissions WHERE class = 0 AND permission_name = 'CONNECT'"
    " AND grantee_principal_id = {:d}"
)
USER_OF = "SELECT principal_id, sid FROM sys.database_principals WHERE type IN ('E', 'X') AND name = "
GRANTED = frozenset({"GRANT", "GRANT_WITH_GRANT_OPTION"})
SERVICE_ROLES = ("db_datareader", "db_datawriter", "db_ddladmin")


class AzureSqlLogins:
    """Signs in and manages contained users, over whichever driver it is given."""

    def __init__(
        self, settings: CloudSettings, *, driver: SqlDriver, token: Callable[[], Secret] | None = None
    ) -> None:
        """`token` gives our own access token for Azure SQL."""
        self._settings = settings
        self._driver = driver
        self._token = token

    def verify(self, login: LoginSpec | OwnIdentity) -> None:
        """Sign in with a fresh connection and SELECT 1; raises LoginRefused, or RetryLater while Azure is not ready."""
        with self._session(login) as session:
            rows = session.execute("SELECT 1")
        if [tuple(row) for row in rows] != [(1,)]:
            raise RetryLater("InvalidAnswer", "SELECT 1 did not answer 1.")

    def find_entra_user(self, own: OwnIdentity, name: str) -> EntraUser | None:
        """Two short reads: the user, then its right to connect."""
        with self._session(own) as session:
            found = session.execute(USER_OF + quoted_literal(name))
            if not found:
                return None
            states = session.execute(CONNECT_OF.format(int(found[0][0])))
        granted = {str(row[0]) for row in states}
        return EntraUser(name, may_connect=bool(granted) and granted <= GRANTED, client_id=_client_id(found[0][1]))

    def ensure_entra_user(self, own: OwnIdentity, principal: EntraPrincipal) -> None:
        """Create the principal's user by its object id, then its rights; one of that name that stands is left as it is."""
        name = quoted_identifier(principal.name)
        words = f"USER {name} FROM EXTERNAL PROVIDER WITH OBJECT_ID = {quoted_literal(principal.object_id)}"
        with self._session(own) as session:
            with contextlib.suppress(AlreadyThere):
                self._run(session, f"CREATE {words}")
            self._give_rights(session, name)

    def ensure_user(self, admin: LoginSpec, user: str, password: Secret) -> None:
        """Create the contained user or set its password, then its rights; each statement may be repeated."""
        name = quoted_identifier(user)
        words = f"USER {name} WITH PASSWORD = {quoted_literal(password.reveal())}"
        with self._session(admin) as session:
            try:
                self._run(session, f"CREATE {words}")
            except AlreadyThere:
                self._run(session, f"ALTER {words}")
            self._give_rights(session, name)

    def drop_user(self, admin: LoginSpec, user: str) -> None:
        """Drop the user; a missing one is no error."""
        with self._session(admin) as session:
            self._run(session, f"DROP USER IF EXISTS {quoted_identifier(user)}")

    def sessions_of(self, admin: LoginSpec, user: str) -> Sequence[int]:
        """Ids of the user's open sessions; a contained user signs in under its own name."""
        words = f"SELECT session_id FROM sys.dm_exec_sessions WHERE original_login_name = {quoted_literal(user)}"
        with self._session(admin) as session:
            return [int(row[0]) for row in session.execute(words)]

    def contents(self, admin: LoginSpec | OwnIdentity) -> DatabaseContents:
        """Two short reads."""
        with self._session(admin) as session:
            files = session.execute("SELECT size FROM sys.database_files WHERE type = 0")
            tables = session.execute("SELECT name FROM sys.tables WHERE is_memory_optimized = 1")
        return DatabaseContents(sum(int(row[0]) for row in files) * PAGE_BYTES, tuple(str(row[0]) for row in tables))

    def end_session(self, admin: LoginSpec, session_id: int) -> None:
        """KILL takes a literal, no parameter; a session that has ended is no error."""
        with self._session(admin) as session, contextlib.suppress(Missing):
            self._run(session, f"KILL {session_id:d}")

    @contextlib.contextmanager
    def _session(self, login: LoginSpec | OwnIdentity) -> Iterator[Session]:
        """One connection, closed whatever happens; failures are classed without a trace of the statement."""
        try:
            with contextlib.closing(self._driver.connect(self._target(login))) as session:
                yield session
        except SqlFailure as failure:
            raise classify_sql(failure) from None

    def _give_rights(self, session: Session, name: str) -> None:
        for role in SERVICE_ROLES:
            self._run(session, f"ALTER ROLE {quoted_identifier(role)} ADD MEMBER {name}")
        self._run(session, f"GRANT EXECUTE ON SCHEMA::[dbo] TO {name}")

    @staticmethod
    def _run(session: Session, statement: str) -> None:
        try:
            session.execute(statement)
        except SqlFailure as failure:
            raise classify_sql(failure) from None

    def _target(self, login: LoginSpec | OwnIdentity) -> SqlTarget:
        if isinstance(login, OwnIdentity):
            assert self._token is not None, "whoever signs in by token is made with one"
            who: dict[str, Any] = {"user": "", "password": Secret(""), "token": self._token()}
        else:
            who = {"user": login.user, "password": login.password}
        return SqlTarget(
            host=self._settings.sql_host or login.endpoint,
            port=self._settings.sql_port,
            server=login.endpoint.partition(".")[0].lower(),
            database=login.database,
            **who,
        )


def _client_id(sid: object) -> str:
    """The GUID that a sid of 16 bytes holds, or of more (a group's member has more); empty for anything else."""
    raw = bytes(sid) if isinstance(sid, bytes | bytearray | memoryview) else b""
    return str(UUID(bytes_le=raw[:16])) if len(raw) >= 16 else ""


def quoted_identifier(name: str) -> str:
    """`[name]`, brackets doubled; DDL takes no parameters. Refuses what SQL Server would (length, NUL)."""
    if not 0 < len(name) <= LONGEST_IDENTIFIER or "\0" in name:
        raise ValueError("An identifier has 1 to 128 characters and no NUL.")
    return "[" + name.replace("]", "]]") + "]"


def quoted_literal(text: str) -> str:
    """`N'text'`, quotes doubled."""
    if "\0" in text:
        raise ValueError("A literal has no NUL.")
    return "N'" + text.replace("'", "''") + "'"

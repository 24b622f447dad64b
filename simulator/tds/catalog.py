"""The system views that tools ask for, each computed from the present state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from simulator.tds.errors import invalid_object
from simulator.tds.principals import EXTERNAL_USER, ROLE, Principal
from simulator.tds.tsql.terms import ObjectName
from simulator.tds.values import ResultColumn, Value

if TYPE_CHECKING:
    from simulator.tds.engine import SqlSession

TYPE_NAMES = {"S": "SQL_USER", "E": "EXTERNAL_USER", "R": "DATABASE_ROLE"}
DATABASE_ID = 5  # the number of a database within its own server; no one may rely on it


@dataclass(frozen=True, slots=True)
class Relation:
    columns: tuple[ResultColumn, ...]
    rows: Iterable[tuple[Value, ...]]


View = Callable[["SqlSession"], Iterable[tuple[Value, ...]]]


def relation(session: SqlSession, name: ObjectName) -> Relation | None:
    """The system view of this name; None when the name is not in a system schema."""
    if name.schema.casefold() not in ("sys", "information_schema"):
        return None
    found = _VIEWS.get(f"{name.schema}.{name.name}".casefold())
    if found is None:
        raise invalid_object(str(name))
    header, view = found
    return Relation(tuple(_column(text) for text in header.split()), view(session))


def _column(text: str) -> ResultColumn:
    name, _, kind = text.partition(":")
    return ResultColumn(name, kind or "nvarchar")


def moment(seconds: float) -> datetime:
    """UTC without a zone, as SQL Server's datetime is."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def visible_principals(session: SqlSession) -> list[Principal]:
    """All for whom may change users; else the built-in ones and oneself."""
    everything = list(session.principals.all())
    if session.rights.allows("ALTER ANY USER") or session.rights.allows("VIEW DEFINITION"):
        return everything
    own = session.principal
    return [each for each in everything if each.built_in or each.id == own.id or each.name in own.roles]


def _principals(session: SqlSession) -> Iterable[tuple[Value, ...]]:
    return [
        (
            each.name, each.id, each.type, TYPE_NAMES[each.type], each.default_schema, moment(each.created_at),
            moment(each.modified_at), each.owner_id if each.type == ROLE else None, bytes.fromhex(each.sid) or None,
            int(each.id >= 16384), *_authentication(each),
        )
        for each in visible_principals(session)
    ]  # fmt: skip


def _authentication(principal: Principal) -> tuple[int, str]:
    if principal.password:
        return 2, "DATABASE"
    if principal.type == EXTERNAL_USER:
        return 4, "EXTERNAL"
    return (1, "INSTANCE") if principal.name == "dbo" else (0, "NONE")


def _role_members(session: SqlSession) -> Iterable[tuple[Value, ...]]:
    everyone = visible_principals(session)
    ids = {each.name: each.id for each in session.principals.all()}
    return [(ids[role], each.id) for each in everyone for role in each.roles]


def _permissions(session: SqlSession) -> Iterable[tuple[Value, ...]]:
    seen = {each.name.casefold(): each.id for each in visible_principals(session)}
    classes = {0: (0, "DATABASE"), 1: (3, "SCHEMA"), 2: (1, "OBJECT_OR_COLUMN")}
    return [
        (*classes[len([part for part in grant.securable.split(".") if part])], grant.securable or None,
         seen[grant.grantee], grant.permission, grant.state)
        for grant in session.rights.grants()
        if grant.grantee in seen
    ]  # fmt: skip


def schema_ids(session: SqlSession) -> dict[str, int]:
    """Numbers by schema name, dbo first."""
    return {name: number for number, name in enumerate(session.tables.schemas(), start=1)}


def _schemas(session: SqlSession) -> Iterable[tuple[Value, ...]]:
    ids = {each.name: each.id for each in session.principals.all()}
    numbers = schema_ids(session)
    return [(name, numbers[name], ids.get(owner)) for name, owner in session.tables.schemas().items()]


def object_id(schema: str, name: str) -> int:
    """A stable positive number for a table."""
    return int.from_bytes(f"{schema}.{name}".casefold().encode()[-3:], "big") + 100_000_000


def _tables(session: SqlSession) -> Iterable[tuple[Value, ...]]:
    numbers = schema_ids(session)
    return [
        (table.name, object_id(table.schema, table.name), numbers[table.schema], "U", "USER_TABLE",
         int(table.memory_optimized))
        for table in session.tables.all()
        if session.may_see(table)
    ]  # fmt: skip


def _files(session: SqlSession) -> Iterable[tuple[Value, ...]]:
    """One data file, in pages of 8 KB, and its log."""
    pages = -(-session.directory.data_bytes(session.database) // 8192)
    return [(1, 0, "ROWS", "data_0", pages), (2, 1, "LOG", "log", 1024)]


def _modules(kind: str) -> View:
    """Views or procedures that the session may know of."""
    shown = {"view": ("V ", "VIEW"), "procedure": ("P ", "SQL_STORED_PROCEDURE")}[kind]

    def rows(session: SqlSession) -> Iterable[tuple[Value, ...]]:
        numbers = schema_ids(session)
        return [
            (module.name, object_id(module.schema, module.name), numbers[module.schema], *shown)
            for module in session.modules.all()
            if module.kind == kind and session.may_see(module)
        ]

    return rows


def _objects(session: SqlSession) -> Iterable[tuple[Value, ...]]:
    tables = [row[:-1] for row in _tables(session)]
    return [*tables, *_modules("view")(session), *_modules("procedure")(session)]


def _information_tables(session: SqlSession) -> Iterable[tuple[Value, ...]]:
    seen = [table for table in session.tables.all() if session.may_see(table)]
    return [(session.database.name, table.schema, table.name, "BASE TABLE") for table in seen]


def _databases(session: SqlSession) -> Iterable[tuple[Value, ...]]:
    return [(session.database.name, DATABASE_ID, 0, "ONLINE")]


def _sessions(session: SqlSession) -> Iterable[tuple[Value, ...]]:
    """One's own session; all of the database with VIEW DATABASE STATE."""
    every = session.rights.allows("VIEW DATABASE STATE")
    return [
        (each.id, moment(each.connected_at), each.host, each.program, each.login, each.login,
         "running" if each is session.record else "sleeping", 1, DATABASE_ID, each.client_address)
        for each in session.directory.sessions.of_database(session.database.id)
        if every or each is session.record
    ]  # fmt: skip


_TABLE_COLUMNS = "name object_id:int schema_id:int type type_desc"
_VIEWS: dict[str, tuple[str, View]] = {
    "sys.database_principals": (
        "name principal_id:int type type_desc default_schema_name create_date:datetime modify_date:datetime "
        "owning_principal_id:int sid:varbinary is_fixed_role:bit authentication_type:int authentication_type_desc",
        _principals,
    ),
    "sys.database_role_members": ("role_principal_id:int member_principal_id:int", _role_members),
    "sys.database_permissions": (
        "class:int class_desc securable_name grantee_principal_id:int permission_name state_desc",
        _permissions,
    ),
    "sys.schemas": ("name schema_id:int principal_id:int", _schemas),
    "sys.tables": (f"{_TABLE_COLUMNS} is_memory_optimized:bit", _tables),
    "sys.database_files": ("file_id:int type:int type_desc name size:bigint", _files),
    "sys.objects": (_TABLE_COLUMNS, _objects),
    "sys.views": (_TABLE_COLUMNS, _modules("view")),
    "sys.procedures": (_TABLE_COLUMNS, _modules("procedure")),
    "sys.databases": ("name database_id:int state:int state_desc", _databases),
    "sys.dm_exec_sessions": (
        "session_id:int login_time:datetime host_name program_name login_name original_login_name status "
        "is_user_process:bit database_id:int client_net_address",
        _sessions,
    ),
    "information_schema.tables": ("TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_TYPE", _information_tables),
}

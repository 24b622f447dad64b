"""Built-in functions and @@variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulator.tds.catalog import moment, object_id, schema_ids
from simulator.tds.errors import SqlError
from simulator.tds.tsql.reading import Reading
from simulator.tds.values import Value

if TYPE_CHECKING:
    from simulator.tds.engine import SqlSession

VERSION = "Microsoft SQL Azure (RTM) - 12.0.2000.8 \n\tSimulated by a local Azure\n"
QUOTES = {"[": ("[", "]"), "]": ("[", "]"), "'": ("'", "'"), '"': ('"', '"')}
PROPERTIES: dict[str, Value] = {"edition": "SQL Azure", "engineedition": 5, "productversion": "12.0.2000.8"}

Function = Callable[["SqlSession", list[Value]], Value]


def call(session: SqlSession, name: str, arguments: list[Value]) -> Value:
    """Errors 195 (no such function) and 174 (wrong number of arguments)."""
    found = _FUNCTIONS.get(name.upper())
    if found is None:
        raise SqlError(195, 15, 10, f"'{name}' is not a recognized built-in function name.")
    fewest, most, function = found
    if not fewest <= len(arguments) <= most:
        raise SqlError(174, 15, 1, f"The {name.lower()} function requires {fewest} argument(s).")
    return function(session, arguments)


def system_variable(session: SqlSession, name: str) -> Value:
    found = _VARIABLES.get(name)
    if found is None:
        raise SqlError(137, 15, 2, f'Must declare the scalar variable "{name}".')
    return found(session)


def quote_name(name: str, quote: str = "[") -> str | None:
    """QUOTENAME: NULL above 128 characters and for an unknown quote."""
    if len(name) > 128 or quote not in QUOTES:
        return None
    opening, closing = QUOTES[quote]
    return f"{opening}{name.replace(closing, closing * 2)}{closing}"


def _quote_name(session: SqlSession, arguments: list[Value]) -> Value:
    if arguments[0] is None:
        return None
    return quote_name(str(arguments[0]), str(arguments[1]) if len(arguments) > 1 else "[")


def _replace(session: SqlSession, arguments: list[Value]) -> Value:
    if None in arguments:
        return None
    text, old, new = map(str, arguments)
    return text.replace(old, new) if old else text


def _user_name(session: SqlSession, arguments: list[Value]) -> Value:
    if not arguments:
        return session.principal.name
    return next((each.name for each in session.principals.all() if each.id == arguments[0]), None)


def _principal_id(session: SqlSession, arguments: list[Value]) -> Value:
    if not arguments:
        return session.principal.id
    found = session.principals.find(str(arguments[0]))
    return found.id if found else None


def _is_role_member(session: SqlSession, arguments: list[Value]) -> Value:
    """1 or 0; NULL when the role or the member does not exist. dbo is in every role as far as db_owner goes."""
    role = session.principals.find(str(arguments[0]))
    member = session.principals.find(str(arguments[1])) if len(arguments) > 1 else session.principal
    if role is None or role.is_user or member is None:
        return None
    return int(role.name.casefold() in session.principals.roles_of(member))


def _has_permission(session: SqlSession, arguments: list[Value]) -> Value:
    """HAS_PERMS_BY_NAME(securable, class, permission) for DATABASE, SCHEMA and OBJECT."""
    name, scope, permission = (str(argument) if argument is not None else "" for argument in arguments[:3])
    if scope.upper() in ("DATABASE", "") or not name:
        return int(session.rights.allows(permission.upper()))
    if scope.upper() == "SCHEMA":
        known = session.tables.schema_name(name)
        return int(session.rights.allows(permission.upper(), schema=known)) if known else None
    table = session.tables.find(Reading(name).object_name(), session.default_schema)
    return int(session.rights.allows(permission.upper(), schema=table.schema, table=table.name)) if table else None


def _object_id(session: SqlSession, arguments: list[Value]) -> Value:
    if arguments[0] is None:
        return None
    table = session.tables.find(Reading(str(arguments[0])).object_name(), session.default_schema)
    return object_id(table.schema, table.name) if table and session.may_see(table) else None


def _schema_id(session: SqlSession, arguments: list[Value]) -> Value:
    name = session.tables.schema_name(str(arguments[0]) if arguments else session.default_schema)
    return schema_ids(session)[name] if name else None


def _schema_name(session: SqlSession, arguments: list[Value]) -> Value:
    if not arguments:
        return session.default_schema
    return next((name for name, number in schema_ids(session).items() if number == arguments[0]), None)


def _database_property(session: SqlSession, arguments: list[Value]) -> Value:
    known = {"status": "ONLINE", "updateability": "READ_WRITE"}
    return known.get(str(arguments[1]).lower()) if arguments[0] == session.database.name else None


def _text(change: Callable[[str], Value]) -> Function:
    return lambda _, arguments: None if arguments[0] is None else change(str(arguments[0]))


def _coalesce(session: SqlSession, arguments: list[Value]) -> Value:
    return next((argument for argument in arguments if argument is not None), None)


def _login(session: SqlSession, arguments: list[Value]) -> Value:
    return session.login


def _now(session: SqlSession, arguments: list[Value]) -> Value:
    return moment(session.directory.clock.now())


_USER: tuple[int, int, Function] = (0, 1, _user_name)
_LOGIN: tuple[int, int, Function] = (0, 1, _login)
_NOW: tuple[int, int, Function] = (0, 0, _now)
_FUNCTIONS: dict[str, tuple[int, int, Function]] = {
    "DB_NAME": (0, 0, lambda session, _: session.database.name),
    "USER_NAME": _USER,
    "CURRENT_USER": _USER,
    "SESSION_USER": _USER,
    "SUSER_SNAME": _LOGIN,
    "SUSER_NAME": _LOGIN,
    "ORIGINAL_LOGIN": _LOGIN,
    "SYSTEM_USER": _LOGIN,
    "DATABASE_PRINCIPAL_ID": (0, 1, _principal_id),
    "USER_ID": (0, 1, _principal_id),
    "IS_ROLEMEMBER": (1, 2, _is_role_member),
    "IS_MEMBER": (1, 1, _is_role_member),
    "HAS_PERMS_BY_NAME": (3, 3, _has_permission),
    "OBJECT_ID": (1, 2, _object_id),
    "SCHEMA_ID": (0, 1, _schema_id),
    "SCHEMA_NAME": (0, 1, _schema_name),
    "QUOTENAME": (1, 2, _quote_name),
    "REPLACE": (3, 3, _replace),
    "CONCAT": (2, 254, lambda _, arguments: "".join("" if each is None else str(each) for each in arguments)),
    "LEN": (1, 1, _text(lambda text: len(text.rstrip(" ")))),
    "UPPER": (1, 1, _text(str.upper)),
    "LOWER": (1, 1, _text(str.lower)),
    "ISNULL": (2, 2, _coalesce),
    "COALESCE": (2, 254, _coalesce),
    "SERVERPROPERTY": (1, 1, lambda _, arguments: PROPERTIES.get(str(arguments[0]).lower())),
    "DATABASEPROPERTYEX": (2, 2, _database_property),
    "GETDATE": _NOW,
    "GETUTCDATE": _NOW,
    "SYSUTCDATETIME": _NOW,
    "SYSDATETIME": _NOW,
    "CURRENT_TIMESTAMP": _NOW,
}

_VARIABLES: dict[str, Callable[[SqlSession], Value]] = {
    "@@version": lambda _: VERSION,
    "@@spid": lambda session: session.record.id,
    "@@trancount": lambda session: session.overlay.depth,
    "@@rowcount": lambda session: session.row_count,
    "@@error": lambda session: session.last_error,
    "@@servername": lambda session: session.server.name,
}

"""Users, roles, schemas and permissions."""

from __future__ import annotations

from typing import Any

from simulator.tds.tsql.reading import Reading
from simulator.tds.tsql.syntax import AlterRole, AlterUser, Create, CreateUser, Drop, Permission, Statement
from simulator.tds.tsql.terms import ObjectName


def create(reading: Reading) -> Statement:
    reading.expect("CREATE")
    if reading.takes("USER"):
        return _create_user(reading)
    if reading.takes("ROLE"):
        return Create("role", reading.name(), _owner(reading))
    if reading.takes("SCHEMA"):
        return Create("schema", reading.name(), _owner(reading))
    raise reading.wrong()


def _owner(reading: Reading) -> str:
    return reading.name() if reading.takes("AUTHORIZATION") else ""


def _create_user(reading: Reading) -> Statement:
    name = reading.name()
    if reading.takes("WITHOUT", "LOGIN"):
        return CreateUser(name, None)
    if reading.takes("FROM", "EXTERNAL", "PROVIDER"):
        return CreateUser(name, None, external=True, object_id=_object_id(reading))
    reading.expect("WITH", "PASSWORD", "=")
    password = reading.string()
    options: dict[str, Any] = {}
    while reading.takes(","):
        _create_option(reading, options)
    return CreateUser(name, password, **options)


def _object_id(reading: Reading) -> str:
    if not reading.takes("WITH"):
        return ""
    reading.expect("OBJECT_ID", "=")
    return reading.string()


def _create_option(reading: Reading, options: dict[str, Any]) -> None:
    if reading.takes("DEFAULT_SCHEMA", "="):
        options["default_schema"] = reading.name()
        return
    reading.expect("SID", "=")
    if reading.token.kind != "hex" or len(reading.token.text) % 2:
        raise reading.wrong()
    options["sid"] = bytes.fromhex(reading.next().text[2:])


def alter(reading: Reading) -> Statement:
    reading.expect("ALTER")
    if reading.takes("USER"):
        return _alter_user(reading)
    reading.expect("ROLE")
    role = reading.name()
    add = reading.takes("ADD")
    if not add:
        reading.expect("DROP")
    reading.expect("MEMBER")
    return AlterRole(role, reading.name(), add)


def _alter_user(reading: Reading) -> Statement:
    name = reading.name()
    reading.expect("WITH")
    options: dict[str, str] = {}
    reading.separated(lambda: _alter_option(reading, options))
    return AlterUser(name, **options)


def _alter_option(reading: Reading, options: dict[str, str]) -> None:
    if reading.takes("NAME", "="):
        options["new_name"] = reading.name()
    elif reading.takes("DEFAULT_SCHEMA", "="):
        options["default_schema"] = reading.name()
    else:
        reading.expect("PASSWORD", "=")
        options["password"] = reading.string()
        if reading.takes("OLD_PASSWORD", "="):  # no comma before it
            options["old_password"] = reading.string()


def drop(reading: Reading) -> Statement:
    reading.expect("DROP")
    kind = reading.next().word.lower()
    if kind == "proc":
        kind = "procedure"
    if kind not in ("user", "role", "schema", "table", "view", "procedure"):
        raise reading.wrong()
    if_exists = reading.takes("IF", "EXISTS")
    name = reading.object_name() if kind in ("table", "view", "procedure") else ObjectName(reading.name())
    return Drop(kind, name, if_exists)  # type: ignore[arg-type]  # narrowed by the test above


def permission(reading: Reading) -> Statement:
    action = reading.next().word
    permissions = reading.separated(lambda: _permission_name(reading))
    scope, securable = _securable(reading) if reading.takes("ON") else ("database", ObjectName(""))
    if not (reading.takes("FROM") and action == "REVOKE"):
        reading.expect("TO")
    principals = reading.separated(reading.name)
    return Permission(action, permissions, scope, securable, principals)  # type: ignore[arg-type]  # from fixed words


def _permission_name(reading: Reading) -> str:
    words = []
    while reading.token.kind == "name" and not any(map(reading.sees, ("ON", "TO", "FROM"))):
        words.append(reading.next().word)
    if not words:
        raise reading.wrong()
    return {"EXEC": "EXECUTE"}.get(" ".join(words), " ".join(words))


def _securable(reading: Reading) -> tuple[str, ObjectName]:
    if reading.takes("DATABASE", "::"):
        reading.name()
        return "database", ObjectName("")
    if reading.takes("SCHEMA", "::"):
        return "schema", ObjectName(reading.name())
    reading.takes("OBJECT", "::")
    return "object", reading.object_name()

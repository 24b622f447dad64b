"""Users, roles, schemas and permissions: the statements that manage access, each behind its right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from simulator.tds import changes, definitions
from simulator.tds.directory import Directory, EntraIdentity
from simulator.tds.errors import SqlError, no_such, permission_refused
from simulator.tds.modules import Module
from simulator.tds.passwords import check_policy, hash_password, password_matches
from simulator.tds.principals import EXTERNAL_USER, FIXED_ROLE_NAMES, PUBLIC, ROLE, USER, Principal, entra_sid
from simulator.tds.rights import KNOWN, Grant
from simulator.tds.tables import Table
from simulator.tds.tsql.syntax import AlterRole, AlterUser, Create, CreateUser, Drop, Permission
from simulator.tds.tsql.terms import ObjectName

if TYPE_CHECKING:
    from simulator.tds.engine import SqlSession


def create_user(session: SqlSession, statement: CreateUser) -> None:
    """Errors 15247 (no right), 15023 (taken), 40632 and 15156 (password), 33159 and 33134 (from Entra)."""
    if not session.rights.allows("ALTER ANY USER"):
        raise permission_refused()
    if statement.external:
        _create_external_user(session, statement)
        return
    hashed = None
    if statement.password is not None:
        check_policy(statement.password, user=statement.name)
        hashed = hash_password(statement.password)
    sid = statement.sid.hex() if statement.sid else ""
    added = Principal(statement.name, USER, 0, sid, default_schema=statement.default_schema, password=hashed)
    _add(session, added)


def _add(session: SqlSession, user: Principal) -> None:
    """Making a user gives it the right to connect."""
    session.principals.add(user)
    session.rights.put(Grant(user.name.casefold(), "CONNECT", "", "GRANT"))


def _create_external_user(session: SqlSession, statement: CreateUser) -> None:
    """For an application or managed identity of the directory, by its display name, or by its object id: then the name is
    the display name, with any suffix. Only over an Entra sign-in."""
    if not session.is_entra:
        text = (
            f"Principal '{statement.name}' could not be created. Only connections established with Active Directory "
            "accounts can create other Active Directory users."
        )
        raise SqlError(33159, 16, 1, text)
    identity = _named_identity(session.directory, statement)
    if identity is None:
        text = f"Principal '{statement.name}' could not be found or this principal type is not supported."
        raise SqlError(33134, 16, 1, text)
    sid = entra_sid(identity.client_id)
    if session.principals.by_sid(sid):
        raise SqlError(15063, 16, 1, "The login already has an account under a different user name.")
    _add(session, Principal(statement.name, EXTERNAL_USER, 0, sid, default_schema="dbo"))


def _named_identity(directory: Directory, statement: CreateUser) -> EntraIdentity | None:
    if not statement.object_id:
        return directory.entra_identity_named(statement.name)
    identity = directory.entra_identity_of(statement.object_id)
    fits = identity is not None and statement.name.casefold().startswith(identity.name.casefold())
    return identity if fits else None


def alter_user(session: SqlSession, statement: AlterUser) -> None:
    """Without ALTER ANY USER one may set one's own password, with the old one. Error 15151 for all else."""
    refused = no_such("alter", "user", statement.name)
    user = session.principals.find(statement.name)
    if user is None or not user.is_user:
        raise refused
    if user.built_in:
        raise SqlError(15150, 16, 1, f"Cannot alter the user '{user.name}'.")
    if not (session.rights.allows("ALTER ANY USER") or _changes_own_password(session, user, statement)):
        raise refused
    changed = replace(
        user,
        name=statement.new_name or user.name,
        default_schema=statement.default_schema or user.default_schema,
        password=_new_hash(user, statement),
    )
    session.principals.change(user, changed)


def _changes_own_password(session: SqlSession, user: Principal, statement: AlterUser) -> bool:
    own = session.principal.id == user.id and statement.new_name is None and statement.default_schema is None
    return own and statement.old_password is not None and statement.password is not None


def _new_hash(user: Principal, statement: AlterUser) -> str | None:
    if statement.password is None:
        return user.password
    if user.password is None or user.type == EXTERNAL_USER:
        raise no_such("alter", "user", user.name)
    if statement.old_password is not None and not password_matches(statement.old_password, user.password):
        raise no_such("alter", "user", user.name)
    check_policy(statement.password, user=user.name)
    return hash_password(statement.password)


def create(session: SqlSession, statement: Create) -> None:
    """CREATE ROLE and CREATE SCHEMA. Errors 15247, 15023, 2714, 15151 (no such owner)."""
    if not session.rights.allows(f"CREATE {statement.kind.upper()}"):
        raise permission_refused()
    owner = session.principals.find(statement.owner) if statement.owner else session.principal
    if owner is None:
        raise no_such("find", "principal", statement.owner)
    if statement.kind == "role":
        session.principals.add(Principal(statement.name, ROLE, 0, owner_id=owner.id))
        return
    if session.tables.schema_name(statement.name):
        raise SqlError(2714, 16, 6, f"There is already an object named '{statement.name}' in the database.")
    session.tables.put_schema(statement.name, owner.name)


def drop(session: SqlSession, statement: Drop) -> None:
    """DROP USER, ROLE, SCHEMA, TABLE. Errors 15151, 15138 (owns a schema), 15144 (has members), 3701, 3729."""
    _DROPS[statement.kind](session, statement)


def _drop_user(session: SqlSession, statement: Drop) -> None:
    user = session.principals.find(statement.name.name)
    if user is None and statement.if_exists:
        return
    if user is None or not user.is_user or not session.rights.allows("ALTER ANY USER"):
        raise no_such("drop", "user", statement.name.name)
    _drop_principal(session, user)


def _drop_role(session: SqlSession, statement: Drop) -> None:
    role = session.principals.find(statement.name.name)
    if role is None and statement.if_exists:
        return
    if role is None or role.is_user or not session.rights.allows("ALTER ANY ROLE"):
        raise no_such("drop", "role", statement.name.name)
    if any(session.principals.members(role)):
        raise SqlError(15144, 16, 1, "The role has members. It must be empty before it can be dropped.")
    _drop_principal(session, role)


def _drop_principal(session: SqlSession, principal: Principal) -> None:
    if principal.built_in:
        kind = "user" if principal.is_user else "role"
        raise SqlError(15150, 16, 1, f"Cannot drop the {kind} '{principal.name}'.")
    if principal.name in session.tables.schemas().values():
        text = "The database principal owns a schema in the database, and cannot be dropped."
        raise SqlError(15138, 16, 1, text)
    session.rights.remove_all_of(principal)
    session.principals.remove(principal)


def _drop_schema(session: SqlSession, statement: Drop) -> None:
    name = session.tables.schema_name(statement.name.name)
    if name is None and statement.if_exists:
        return
    if name is None or not session.rights.allows("ALTER", schema=name):
        raise no_such("drop", "schema", statement.name.name)
    everything: list[Table | Module] = [*session.tables.all(), *session.modules.all()]
    inside = next((each for each in everything if each.schema == name), None)
    if inside:
        text = f"Cannot drop schema '{name}' because it is being referenced by object '{inside.name}'."
        raise SqlError(3729, 16, 1, text)
    session.tables.remove_schema(name)


_DROPS: dict[str, Callable[[SqlSession, Drop], None]] = {
    "user": _drop_user,
    "role": _drop_role,
    "schema": _drop_schema,
    "table": changes.drop_table,
    "view": definitions.drop_module,
    "procedure": definitions.drop_module,
}


def alter_role(session: SqlSession, statement: AlterRole) -> None:
    """Adding twice and removing who is not in is no error. Fixed roles need db_owner. Error 15151."""
    role = session.principals.find(statement.role)
    if role is None or role.is_user or role.name == PUBLIC.name or not _may_alter(session, role):
        raise no_such("alter", "role", statement.role)
    member = session.principals.find(statement.member)
    if member is None:
        raise no_such("add" if statement.add else "drop", "principal", statement.member)
    if member.built_in:
        raise SqlError(15405, 11, 1, f"Cannot use the special principal '{member.name}'.")
    others = tuple(name for name in member.roles if name != role.name)
    session.principals.change(member, replace(member, roles=(*others, role.name) if statement.add else others))


def _may_alter(session: SqlSession, role: Principal) -> bool:
    if role.name in FIXED_ROLE_NAMES:
        return session.rights.is_owner
    return session.rights.allows("ALTER ANY ROLE")


def permission(session: SqlSession, statement: Permission) -> None:
    """GRANT, DENY, REVOKE by owners and holders of CONTROL. Errors 102 (unknown permission), 15151, 4613."""
    securable = _securable(session, statement)
    for name in statement.principals:
        grantee = session.principals.find(name)
        if grantee is None:
            raise no_such("find", "user", name)
        if grantee.name in ("dbo", "sys", "INFORMATION_SCHEMA"):
            text = "Cannot grant, deny, or revoke permissions to sa, dbo, entity owner, information_schema, or sys."
            raise SqlError(15151, 16, 1, text)
        for each in statement.permissions:
            _record(session, Grant(grantee.name.casefold(), _known(each), securable, statement.action))


def _known(name: str) -> str:
    if name not in KNOWN:
        raise SqlError(102, 15, 1, f"Incorrect syntax near '{name}'.")
    return name


def _record(session: SqlSession, grant: Grant) -> None:
    if grant.state == "REVOKE":
        session.rights.remove(grant)
    else:
        session.rights.put(grant)


def _securable(session: SqlSession, statement: Permission) -> str:
    """The securable as permissions name it; error 15151 when it is missing or not one's to give."""
    if statement.scope == "schema":
        name = session.tables.schema_name(statement.securable.name)
        if name is None or not session.rights.allows("CONTROL", schema=name):
            raise no_such("find", "schema", statement.securable.name)
        return name.casefold()
    if statement.scope == "object":
        return _table_securable(session, statement.securable)
    if not session.rights.allows("CONTROL"):
        raise SqlError(4613, 16, 1, "Grantor does not have GRANT permission.")
    return ""


def _table_securable(session: SqlSession, name: ObjectName) -> str:
    table = session.tables.find(name, session.default_schema) or session.modules.find(name, session.default_schema)
    if table is None or not session.rights.allows("CONTROL", schema=table.schema, table=table.name):
        raise no_such("find", "object", str(name))
    return f"{table.schema}.{table.name}".casefold()

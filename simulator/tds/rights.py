"""Who may do what in a database: fixed roles, GRANT and DENY."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from simulator.tds.directory import PERMISSIONS, SCHEMAS
from simulator.tds.errors import SqlError
from simulator.tds.overlay import Overlay
from simulator.tds.principals import Principal, Principals

MAKING = ("CREATE PROCEDURE", "CREATE SCHEMA", "CREATE TABLE", "CREATE VIEW")
# What the fixed roles may do in the whole database. Source: Microsoft's "Permissions of fixed database roles".
OF_FIXED_ROLES = {
    "db_accessadmin": {"ALTER ANY USER", "CREATE SCHEMA", "CONNECT"},
    "db_securityadmin": {"ALTER ANY ROLE", "CREATE ROLE", "CREATE SCHEMA"},
    "db_ddladmin": {"ALTER ANY SCHEMA", *MAKING, "REFERENCES"},
    "db_datareader": {"SELECT"},
    "db_datawriter": {"INSERT", "UPDATE", "DELETE"},
}
DENIED_TO_FIXED_ROLES = {"db_denydatareader": {"SELECT"}, "db_denydatawriter": {"INSERT", "UPDATE", "DELETE"}}
# A permission on the database that carries a narrower one with it. CONTROL carries all.
COVERING = {
    "ALTER ANY USER": ("ALTER",),
    "ALTER ANY ROLE": ("ALTER",),
    "ALTER ANY SCHEMA": ("ALTER",),
    **dict.fromkeys(MAKING, ("ALTER",)),
    "CREATE ROLE": ("ALTER",),
    "ALTER DATABASE": ("ALTER",),  # our name for ALTER on the database itself, which no schema's ALTER carries
    "VIEW DATABASE STATE": (),
    "ALTER": ("ALTER ANY SCHEMA",),
}
KNOWN = frozenset((
    "ALTER", "ALTER ANY ROLE", "ALTER ANY SCHEMA", "ALTER ANY USER", "CONNECT", "CONTROL", "CREATE ROLE",
    *MAKING, "DELETE", "EXECUTE", "INSERT", "KILL DATABASE CONNECTION", "REFERENCES", "SELECT",
    "UPDATE", "VIEW DATABASE STATE", "VIEW DEFINITION",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grant:
    """One row of sys.database_permissions; `securable` is empty for the database, else `schema` or `schema.table`."""

    grantee: str
    permission: str
    securable: str
    state: str  # GRANT or DENY

    @property
    def key(self) -> str:
        return f"{self.grantee}/{self.permission}/{self.securable}"


class Rights:
    """The permissions of one principal. dbo may do all; a dropped user is left with those of public."""

    def __init__(self, overlay: Overlay, database_id: str, principals: Principals, principal: Principal) -> None:
        self._overlay = overlay
        self._prefix = f"{database_id}/"
        self._principals = principals
        self.principal = principal
        self.roles = principals.roles_of(principal)

    @property
    def is_owner(self) -> bool:
        return self.principal.name == "dbo" or "db_owner" in self.roles

    def allows(self, permission: str, *, schema: str = "", table: str = "") -> bool:
        """DENY wins over everything but ownership."""
        if self.is_owner:
            return True
        wanted = {permission, "CONTROL", *COVERING.get(permission, ())}
        grants = [grant for grant in self._own_grants() if _covers(grant, schema=schema, table=table)]
        if any(grant.state == "DENY" and grant.permission == permission for grant in grants):
            return False
        if any(permission in DENIED_TO_FIXED_ROLES.get(role, ()) for role in self.roles):
            return False
        if any(wanted & OF_FIXED_ROLES.get(role, set()) for role in self.roles):
            return True
        return any(grant.permission in wanted for grant in grants) or self._owns_schema(schema)

    def demand(self, permission: str, *, database: str, schema: str, table: str) -> None:
        """Error 229 unless the principal has this permission on the table."""
        if not self.allows(permission, schema=schema, table=table):
            where = f"object '{table}', database '{database}', schema '{schema}'"
            raise SqlError(229, 14, 5, f"The {permission} permission was denied on the {where}.")

    def _owns_schema(self, schema: str) -> bool:
        document = self._overlay.get(SCHEMAS, f"{self._prefix}{schema.casefold()}") if schema else None
        return document is not None and document["owner"] == self.principal.name

    def _own_grants(self) -> Iterator[Grant]:
        names = {self.principal.name.casefold(), *self.roles}
        return (grant for grant in self.grants() if grant.grantee in names)

    def grants(self) -> Iterator[Grant]:
        return (Grant(**document) for _, document in self._overlay.items(PERMISSIONS, self._prefix))

    def put(self, grant: Grant) -> None:
        self._overlay.put(
            PERMISSIONS,
            self._prefix + grant.key,
            {
                "grantee": grant.grantee,
                "permission": grant.permission,
                "securable": grant.securable,
                "state": grant.state,
            },
        )

    def remove(self, grant: Grant) -> None:
        self._overlay.delete(PERMISSIONS, self._prefix + grant.key)

    def remove_all_of(self, principal: Principal) -> None:
        for grant in list(self.grants()):
            if grant.grantee == principal.name.casefold():
                self.remove(grant)


def _covers(grant: Grant, *, schema: str, table: str) -> bool:
    return grant.securable in ("", schema.casefold(), f"{schema}.{table}".casefold())

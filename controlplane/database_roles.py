"""Rights of the two database roles: the owner makes tables, the application reads and writes their rows."""

from __future__ import annotations

from typing import Any, Protocol

from psycopg import sql


class Executes(Protocol):
    """A psycopg connection, or a Django cursor."""

    def execute(self, query: sql.Composed, /) -> Any: ...


def grant_default_rights(connection: Executes, *, owner: str, application: str) -> None:
    """Let `application` read and write rows of every table that `owner` makes from now on, here; nothing else.

    Tables that only grow take UPDATE and DELETE away again in their own migration.
    """
    names = {"owner": sql.Identifier(owner), "application": sql.Identifier(application)}
    for what in (sql.SQL("SELECT, INSERT, UPDATE, DELETE ON TABLES"), sql.SQL("USAGE, SELECT ON SEQUENCES")):
        statement = sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT {what} TO {application}")
        connection.execute(statement.format(what=what, **names))

"""ALTER TABLE ADD, indexes, views, procedures and ALTER DATABASE, each behind its right.

Numbers and texts are SQL Server's own, from Microsoft's page "Database Engine events and errors".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from simulator.tds.changes import demand_free, demand_type, new_schema
from simulator.tds.errors import SqlError
from simulator.tds.modules import Module
from simulator.tds.tables import Index, Table
from simulator.tds.tsql.parser import parse
from simulator.tds.tsql.syntax import AddColumns, AlterDatabase, CreateIndex, CreateModule, Drop, DropIndex
from simulator.tds.tsql.terms import ObjectName

if TYPE_CHECKING:
    from simulator.tds.engine import SqlSession


def add_columns(session: SqlSession, statement: AddColumns) -> None:
    """Errors 4902 (no such table), 1088 (no right), 2705 (column there), 4901 (NOT NULL over rows), 2715 (type)."""
    table = session.tables.find(statement.table, session.default_schema)
    if table is None:
        raise _cannot_find(4902, 1, statement.table)
    if not _may_alter(session, table):
        raise _cannot_find(1088, 13, statement.table)
    for place, column in enumerate(statement.columns, start=1):
        demand_type(column.type, place)
        if column.name.casefold() in [known.name.casefold() for known in table.columns]:
            text = f"Column name '{column.name}' in table '{table.name}' is specified more than once."
            raise SqlError(2705, 16, 4, f"Column names in each table must be unique. {text}")
        if table.rows and not column.nullable:
            text = "ALTER TABLE only allows columns to be added that can contain nulls, or the table must be empty."
            raise SqlError(4901, 16, 1, text)
        table = replace(table, columns=(*table.columns, column), rows=tuple((*row, None) for row in table.rows))
    session.tables.put(table)


def create_index(session: SqlSession, statement: CreateIndex) -> None:
    """Errors 1088 (no table or no right), 1913 (taken), 1911 (no such column), 1505 (values that are not unique)."""
    table = session.tables.find(statement.table, session.default_schema)
    if table is None or not _may_alter(session, table):
        raise _cannot_find(1088, 12, statement.table)
    if table.index(statement.name):
        text = f"an index or statistics with name '{statement.name}' already exists on table '{table.name}'."
        raise SqlError(1913, 16, 1, f"The operation failed because {text}")
    known = [column.name.casefold() for column in table.columns]
    for column in statement.columns:
        if column.casefold() not in known:
            raise SqlError(1911, 16, 1, f"Column name '{column}' does not exist in the target table or view.")
    index = Index(statement.name, statement.columns, statement.unique)
    if index.has_twins(table):
        text = f"a duplicate key was found for the object name '{table.name}' and the index name '{index.name}'."
        raise SqlError(1505, 16, 1, f"The CREATE UNIQUE INDEX statement terminated because {text}")
    session.tables.put(replace(table, indexes=(*table.indexes, index)))


def drop_index(session: SqlSession, statement: DropIndex) -> None:
    """Error 3701 for an index that is missing or not one's to drop."""
    table = session.tables.find(statement.table, session.default_schema)
    index = table.index(statement.name) if table else None
    if table and index and _may_alter(session, table):
        session.tables.put(replace(table, indexes=tuple(one for one in table.indexes if one != index)))
    elif index or not statement.if_exists:
        raise _cannot_drop("index", f"{statement.table.name}.{statement.name}")


def create_module(session: SqlSession, statement: CreateModule) -> None:
    """CREATE VIEW and PROCEDURE. Errors 262 (no right), 2760 (schema), 2714 (taken), and what its text is wrong in."""
    words = f"CREATE {statement.kind.upper()}"
    schema = new_schema(session, statement.name, words)
    present = session.modules.find(ObjectName(statement.name.name, schema), schema, statement.kind)
    if not (statement.replace and present):
        demand_free(session, statement.name.name, schema)
    if statement.kind == "procedure":
        parse(statement.text)
    session.modules.put(Module(schema, statement.name.name, statement.kind, statement.text, statement.parameters))


def drop_module(session: SqlSession, statement: Drop) -> None:
    """Error 3701 for a view or procedure that is missing or not one's to drop."""
    session.tables.demand_own(statement.name)
    module = session.modules.find(statement.name, session.default_schema, statement.kind)
    if module and session.rights.allows("ALTER", schema=module.schema, table=module.name):
        session.modules.remove(module)
    elif module or not statement.if_exists:
        raise _cannot_drop(statement.kind, str(statement.name))


def alter_database(session: SqlSession, statement: AlterDatabase) -> None:
    """One's own database, with ALTER on it; options are taken and have no effect here. Error 5011, then 5069."""
    name = statement.database or session.database.name
    if name.casefold() != session.database.name.casefold() or not session.rights.allows("ALTER DATABASE"):
        text = (
            f"User does not have permission to alter database '{name}', the database does not exist, or the database "
            "is not in a state that allows access checks."
        )
        failed = SqlError(5069, 16, 1, "ALTER DATABASE statement failed.")
        raise SqlError(5011, 14, 5, text, followed_by=(failed,))


def _may_alter(session: SqlSession, table: Table) -> bool:
    return session.rights.allows("ALTER", schema=table.schema, table=table.name)


def _cannot_find(number: int, state: int, name: ObjectName) -> SqlError:
    text = f'Cannot find the object "{name}" because it does not exist or you do not have permissions.'
    return SqlError(number, 16, state, text)


def _cannot_drop(kind: str, name: str) -> SqlError:
    text = f"Cannot drop the {kind} '{name}', because it does not exist or you do not have permission."
    return SqlError(3701, 11, 5, text)


RULES: dict[type, Callable[..., None]] = {
    AddColumns: add_columns,
    CreateIndex: create_index,
    DropIndex: drop_index,
    CreateModule: create_module,
    AlterDatabase: alter_database,
}

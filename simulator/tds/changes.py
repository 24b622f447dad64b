"""CREATE TABLE, INSERT, UPDATE, DELETE and DROP TABLE, each behind its right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.tds import queries
from simulator.tds.errors import SqlError
from simulator.tds.evaluation import Binding, Evaluator, Scope
from simulator.tds.tables import Row, Table
from simulator.tds.tsql.syntax import CreateTable, Delete, Drop, Insert, Update
from simulator.tds.tsql.terms import ObjectName, Select, TypeName
from simulator.tds.values import is_known

if TYPE_CHECKING:
    from simulator.tds.engine import SqlSession


def create_table(session: SqlSession, statement: CreateTable) -> None:
    """Errors 262 (no right), 2760 (schema), 2714 (taken), 2715 (unknown type), 40536 (in memory, in a tier without it)."""
    schema = new_schema(session, statement.table, "CREATE TABLE")
    demand_free(session, statement.table.name, schema)
    for place, column in enumerate(statement.columns, start=1):
        demand_type(column.type, place)
    if statement.memory_optimized and not session.database.in_memory:
        text = "'MEMORY_OPTIMIZED tables' is not supported in this service tier of the database."
        raise SqlError(40536, 16, 2, text)
    table = Table(schema, statement.table.name, statement.columns, memory_optimized=statement.memory_optimized)
    session.tables.put(table)


def new_schema(session: SqlSession, name: ObjectName, permission: str) -> str:
    """The schema for something new. Errors 40515 (another database), 262 (no right), 2760 (schema)."""
    session.tables.demand_own(name)
    if not session.rights.allows(permission):
        raise SqlError(262, 14, 1, f"{permission} permission denied in database '{session.database.name}'.")
    wanted = name.schema or session.default_schema
    schema = session.tables.schema_name(wanted)
    if schema is None or not session.rights.allows("ALTER", schema=schema):
        text = f'The specified schema name "{wanted}" either does not exist or you do not have permission to use it.'
        raise SqlError(2760, 16, 1, text)
    return schema


def demand_free(session: SqlSession, name: str, schema: str) -> None:
    """Error 2714 when a table, view or procedure has that name."""
    whole = ObjectName(name, schema)
    if session.tables.find(whole, schema) or session.modules.find(whole, schema):
        raise SqlError(2714, 16, 6, f"There is already an object named '{name}' in the database.")


def demand_type(declared: TypeName, place: int) -> None:
    """Error 2715 for a type that does not exist."""
    if not is_known(declared):
        raise SqlError(2715, 16, 6, f"Column, parameter, or variable #{place}: Cannot find data type {declared.name}.")


def drop_table(session: SqlSession, statement: Drop) -> None:
    """Error 3701 for a table that is missing or not one's to drop."""
    table = session.tables.find(statement.name, session.default_schema)
    if table and session.rights.allows("ALTER", schema=table.schema):
        session.tables.remove(table)
    elif table or not statement.if_exists:
        text = f"Cannot drop the table '{statement.name}', because it does not exist or you do not have permission."
        raise SqlError(3701, 11, 5, text)


def _opened(session: SqlSession, name: ObjectName, permission: str) -> Table:
    table = session.tables.demand(name, session.default_schema)
    session.demand(permission, table.schema, table.name)
    return table


def insert(session: SqlSession, evaluator: Evaluator, statement: Insert) -> int:
    """The number of rows added. Errors 208, 229, 213 (count of values), 515, 2627, 2628."""
    table = _opened(session, statement.table, "INSERT")
    places = [table.place(column) for column in statement.columns] or list(range(len(table.columns)))
    added = [_placed(table, places, row) for row in _given(session, evaluator, statement)]
    session.tables.put(table.with_rows((*table.rows, *added)))
    return len(added)


def _given(session: SqlSession, evaluator: Evaluator, statement: Insert) -> list[Row]:
    if isinstance(statement.rows, Select):
        return list(queries.select(session, evaluator, statement.rows, Scope()).rows)
    return [tuple(evaluator.value(each, Scope()) for each in row) for row in statement.rows]


def _placed(table: Table, places: list[int], given: Row) -> Row:
    if len(given) != len(places):
        text = "Column name or number of supplied values does not match table definition."
        raise SqlError(213, 16, 1, text)
    by_place = dict(zip(places, given, strict=True))
    return table.fitted(tuple(by_place.get(index) for index in range(len(table.columns))))


def _scope(table: Table, row: Row) -> Scope:
    places = {column.name.lower(): index for index, column in enumerate(table.columns)}
    return Scope((Binding(table.name, places, row),))


def update(session: SqlSession, evaluator: Evaluator, statement: Update) -> int:
    table = _opened(session, statement.table, "UPDATE")
    meant = [evaluator.truth(statement.where, _scope(table, row)) for row in table.rows]
    rows = tuple(
        _updated(evaluator, table, row, statement) if hit else row for row, hit in zip(table.rows, meant, strict=True)
    )
    session.tables.put(table.with_rows(rows))
    return sum(meant)


def _updated(evaluator: Evaluator, table: Table, row: Row, statement: Update) -> Row:
    changed = list(row)
    for column, expression in statement.changes:
        changed[table.place(column)] = evaluator.value(expression, _scope(table, row))
    return table.fitted(tuple(changed))


def delete(session: SqlSession, evaluator: Evaluator, statement: Delete) -> int:
    table = _opened(session, statement.table, "DELETE")
    kept = tuple(row for row in table.rows if not evaluator.truth(statement.where, _scope(table, row)))
    session.tables.put(table.with_rows(kept))
    return len(table.rows) - len(kept)

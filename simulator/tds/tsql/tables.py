"""Tables and their rows."""

from __future__ import annotations

from simulator.tds.tsql.expressions import expression, select
from simulator.tds.tsql.reading import Reading
from simulator.tds.tsql.syntax import ColumnDefinition, CreateTable, Delete, Insert, Statement, Update
from simulator.tds.tsql.terms import Expression


def create(reading: Reading) -> Statement:
    reading.expect("CREATE", "TABLE")
    name, columns = reading.object_name(), reading.bracketed(lambda: column(reading))
    in_memory = reading.takes("WITH", "(", "MEMORY_OPTIMIZED", "=", "ON", ")")
    return CreateTable(name, columns, in_memory)


def column(reading: Reading) -> ColumnDefinition:
    """A column as CREATE TABLE and ALTER TABLE … ADD define it."""
    name, declared = reading.name(), reading.type_name()
    nullable, primary_key = True, False
    while True:
        if reading.takes("NOT", "NULL"):
            nullable = False
        elif reading.takes("PRIMARY", "KEY"):
            nullable, primary_key = False, True
        elif not reading.takes("NULL"):
            return ColumnDefinition(name, declared, nullable, primary_key)


def insert(reading: Reading) -> Statement:
    reading.expect("INSERT")
    reading.takes("INTO")
    table = reading.object_name()
    columns = reading.bracketed(reading.name) if reading.sees("(") else ()
    if reading.sees("SELECT"):
        return Insert(table, columns, select(reading))
    reading.expect("VALUES")
    return Insert(table, columns, reading.separated(lambda: reading.bracketed(lambda: expression(reading))))


def update(reading: Reading) -> Statement:
    reading.expect("UPDATE")
    table = reading.object_name()
    reading.expect("SET")
    changes = reading.separated(lambda: _change(reading))
    return Update(table, changes, _where(reading))


def _change(reading: Reading) -> tuple[str, Expression]:
    name = reading.name()
    reading.expect("=")
    return name, expression(reading)


def delete(reading: Reading) -> Statement:
    reading.expect("DELETE")
    reading.takes("FROM")
    return Delete(reading.object_name(), _where(reading))


def _where(reading: Reading) -> Expression | None:
    return expression(reading) if reading.takes("WHERE") else None

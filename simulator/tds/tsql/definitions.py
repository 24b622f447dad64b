"""Changes of tables, indexes, views and procedures."""

from __future__ import annotations

from simulator.tds.errors import SqlError
from simulator.tds.tsql import tables
from simulator.tds.tsql.expressions import select
from simulator.tds.tsql.reading import Reading
from simulator.tds.tsql.syntax import (
    AddColumns,
    AlterDatabase,
    CreateIndex,
    CreateModule,
    DropIndex,
    Statement,
)
from simulator.tds.tsql.terms import TypeName

OF_INDEXES = ("INDEX", "UNIQUE", "CLUSTERED", "NONCLUSTERED")
OF_MODULES = ("VIEW", "PROCEDURE", "PROC", "OR")


def create(reading: Reading) -> Statement:
    """CREATE INDEX, VIEW or PROCEDURE."""
    if reading.ahead().word in OF_INDEXES:
        return _create_index(reading)
    return _create_module(reading)


def _create_index(reading: Reading) -> Statement:
    reading.expect("CREATE")
    unique = reading.takes("UNIQUE")
    if not reading.takes("NONCLUSTERED"):
        reading.takes("CLUSTERED")
    reading.expect("INDEX")
    name = reading.name()
    reading.expect("ON")
    table = reading.object_name()
    return CreateIndex(name, table, reading.bracketed(lambda: _indexed(reading)), unique)


def _indexed(reading: Reading) -> str:
    name = reading.name()
    if not reading.takes("DESC"):
        reading.takes("ASC")
    return name


def _create_module(reading: Reading) -> Statement:
    """Error 111 unless it opens its batch; its text goes on to the batch's end."""
    alone = reading.at_start
    reading.expect("CREATE")
    replace = reading.takes("OR", "ALTER")
    kind = "VIEW" if reading.takes("VIEW") else "PROCEDURE"
    if not alone:
        raise SqlError(111, 15, 1, f"'CREATE {kind}' must be the first statement in a query batch.")
    if kind == "PROCEDURE" and not reading.takes("PROCEDURE"):
        reading.expect("PROC")
    name = reading.object_name()
    parameters = () if reading.sees("AS") or kind == "VIEW" else reading.separated(lambda: _parameter(reading))
    reading.expect("AS")
    text = reading.rest()
    if kind == "VIEW":
        _demand_query(text)
    return CreateModule("view" if kind == "VIEW" else "procedure", name, parameters, text, replace)


def _parameter(reading: Reading) -> tuple[str, TypeName]:
    if reading.token.kind != "variable":
        raise reading.wrong()
    return reading.next().text.lower(), reading.type_name()


def _demand_query(text: str) -> None:
    body = Reading(text)
    select(body)
    body.takes(";")
    if not body.ended:
        raise body.wrong()


def alter(reading: Reading) -> Statement:
    """ALTER TABLE … ADD and ALTER DATABASE."""
    reading.expect("ALTER")
    if reading.takes("DATABASE"):
        name = reading.name()
        reading.rest()
        return AlterDatabase("" if name.upper() == "CURRENT" else name)
    reading.expect("TABLE")
    table = reading.object_name()
    reading.expect("ADD")
    return AddColumns(table, reading.separated(lambda: tables.column(reading)))


def drop_index(reading: Reading) -> Statement:
    """DROP INDEX [IF EXISTS] name ON table."""
    reading.expect("DROP", "INDEX")
    if_exists = reading.takes("IF", "EXISTS")
    name = reading.name()
    reading.expect("ON")
    return DropIndex(name, reading.object_name(), if_exists)

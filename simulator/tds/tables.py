"""User tables: tiny, in memory, one document each. Enough to prove who may create, write and read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cmp_to_key
from itertools import pairwise
from typing import Any

from simulator.store import Document
from simulator.tds.directory import SCHEMAS, TABLES
from simulator.tds.errors import SqlError, invalid_object
from simulator.tds.overlay import Overlay
from simulator.tds.tsql.syntax import ColumnDefinition
from simulator.tds.tsql.terms import ObjectName, TypeName
from simulator.tds.values import TEXTS, ResultColumn, Value, compare, convert, result_type, sorting

Row = tuple[Value, ...]
BUILT_IN_SCHEMAS = {"dbo": "dbo", "guest": "guest", "sys": "sys", "information_schema": "INFORMATION_SCHEMA"}


@dataclass(frozen=True, slots=True)
class Index:
    """It orders nothing here; a unique one refuses twins."""

    name: str
    columns: tuple[str, ...]
    unique: bool

    def has_twins(self, table: Table) -> bool:
        """Whether two rows are alike in the columns of a unique index; NULL equals NULL, as in SQL Server."""
        places = [table.place(column) for column in self.columns]
        keys = [tuple(row[place] for place in places) for row in table.rows]
        return self.unique and len(set(keys)) < len(keys)


@dataclass(frozen=True, slots=True)
class Table:
    schema: str
    name: str
    columns: tuple[ColumnDefinition, ...]
    rows: tuple[Row, ...] = ()
    indexes: tuple[Index, ...] = ()
    memory_optimized: bool = False

    def index(self, name: str) -> Index | None:
        return next((one for one in self.indexes if one.name.casefold() == name.casefold()), None)

    @property
    def result_columns(self) -> tuple[ResultColumn, ...]:
        return tuple(ResultColumn(column.name, result_type(column.type)) for column in self.columns)

    def place(self, column: str) -> int:
        """Where a column stands; error 207 for an unknown one."""
        for index, definition in enumerate(self.columns):
            if definition.name.casefold() == column.casefold():
                return index
        raise SqlError(207, 16, 1, f"Invalid column name '{column}'.")

    def fitted(self, row: Row) -> Row:
        """The row in the columns' types. Errors 515 (NULL), 2628 (too long)."""
        return tuple(self._fit(value, column) for value, column in zip(row, self.columns, strict=True))

    def _fit(self, value: Value, column: ColumnDefinition) -> Value:
        if value is None and not column.nullable:
            text = f"Cannot insert the value NULL into column '{column.name}', table '{self.schema}.{self.name}'."
            raise SqlError(515, 16, 2, text)
        fitted = convert(value, replace(column.type, length=None))
        limit = column.type.length
        if limit is not None and isinstance(fitted, str | bytes) and len(fitted) > limit:
            where = f"table '{self.schema}.{self.name}', column '{column.name}'"
            raise SqlError(2628, 16, 1, f"String or binary data would be truncated in {where}.")
        return fitted

    def with_rows(self, rows: tuple[Row, ...]) -> Table:
        """The table with these rows instead. Errors 2627 (twins in the primary key), 2601 (in a unique index)."""
        keys = [index for index, column in enumerate(self.columns) if column.primary_key]
        for place in keys:
            _demand_unique(self, [row[place] for row in rows])
        changed = replace(self, rows=rows)
        for index in self.indexes:
            if index.has_twins(changed):
                where = f"object '{self.schema}.{self.name}' with unique index '{index.name}'"
                raise SqlError(2601, 14, 1, f"Cannot insert duplicate key row in {where}.")
        return changed


def _demand_unique(table: Table, values: list[Value]) -> None:
    ordered = sorted(values, key=cmp_to_key(sorting))
    if any(compare(one, other) == 0 for one, other in pairwise(ordered)):
        name = f"{table.schema}.{table.name}"
        raise SqlError(2627, 14, 1, f"Violation of PRIMARY KEY constraint: duplicate key in object '{name}'.")


class Tables:
    """The tables and schemas of one database. A schema document holds its owner's name."""

    def __init__(self, overlay: Overlay, database_id: str, database: str) -> None:
        self._overlay = overlay
        self._prefix = f"{database_id}/"
        self._database = database

    def demand_own(self, name: ObjectName) -> None:
        """Error 40515 for a name in another database."""
        if name.database and name.database.casefold() != self._database.casefold():
            text = (
                f"Reference to database and/or server name in '{name}' is not supported in this version of SQL Server."
            )
            raise SqlError(40515, 15, 1, text)

    def find(self, name: ObjectName, default_schema: str) -> Table | None:
        """A name without a schema is looked up in the user's own, then in dbo. Error 40515."""
        self.demand_own(name)
        schemas = (name.schema,) if name.schema else (default_schema, "dbo")
        for schema in schemas:
            document = self._overlay.get(TABLES, self._key(schema, name.name))
            if document:
                return _read(document)
        return None

    def demand(self, name: ObjectName, default_schema: str) -> Table:
        """Error 208 when there is no such table."""
        table = self.find(name, default_schema)
        if table is None:
            raise invalid_object(str(name))
        return table

    def all(self) -> Iterator[Table]:
        return (_read(document) for _, document in self._overlay.items(TABLES, self._prefix))

    def put(self, table: Table) -> None:
        self._overlay.put(TABLES, self._key(table.schema, table.name), _written(table))

    def remove(self, table: Table) -> None:
        self._overlay.delete(TABLES, self._key(table.schema, table.name))

    def _key(self, schema: str, name: str) -> str:
        return f"{self._prefix}{schema}.{name}".casefold()

    def schemas(self) -> dict[str, str]:
        """Owners by schema name."""
        stored = {document["name"]: document["owner"] for _, document in self._overlay.items(SCHEMAS, self._prefix)}
        return {**{name: name for name in BUILT_IN_SCHEMAS.values()}, **stored}

    def schema_name(self, name: str) -> str | None:
        """The schema's name as it was written, None when there is none."""
        return next((known for known in self.schemas() if known.casefold() == name.casefold()), None)

    def put_schema(self, name: str, owner: str) -> None:
        self._overlay.put(SCHEMAS, self._prefix + name.casefold(), {"name": name, "owner": owner})

    def remove_schema(self, name: str) -> None:
        self._overlay.delete(SCHEMAS, self._prefix + name.casefold())


def _written(table: Table) -> Document:
    columns = [[c.name, c.type.name, c.type.length, c.nullable, c.primary_key] for c in table.columns]
    rows = [[_plain(value) for value in row] for row in table.rows]
    indexes = [[one.name, list(one.columns), one.unique] for one in table.indexes]
    kept = {"memory_optimized": True} if table.memory_optimized else {}
    return {"schema": table.schema, "name": table.name, "columns": columns, "rows": rows, "indexes": indexes, **kept}


def _read(document: Document) -> Table:
    columns = tuple(ColumnDefinition(c[0], TypeName(c[1], c[2]), c[3], c[4]) for c in document["columns"])
    rows = tuple(
        tuple(_typed(value, column) for value, column in zip(row, columns, strict=True)) for row in document["rows"]
    )
    indexes = tuple(Index(name, tuple(names), unique) for name, names, unique in document.get("indexes", ()))
    in_memory = bool(document.get("memory_optimized"))
    return Table(document["schema"], document["name"], columns, rows, indexes, in_memory)


def _plain(value: Value) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, datetime) else value


def _typed(value: Any, column: ColumnDefinition) -> Value:
    kind = result_type(column.type)
    if value is None or column.type.name in TEXTS:
        return value  # type: ignore[no-any-return]  # JSON of our own
    if kind == "varbinary":
        return bytes.fromhex(value)
    return datetime.fromisoformat(value) if kind == "datetime" else value

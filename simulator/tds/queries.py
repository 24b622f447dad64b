"""SELECT over relations: nested loops, for tables of a few rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cmp_to_key
from typing import TYPE_CHECKING

from simulator.tds.catalog import Relation, relation
from simulator.tds.errors import SqlError
from simulator.tds.evaluation import Binding, Evaluator, Scope
from simulator.tds.modules import Module
from simulator.tds.tsql import expressions
from simulator.tds.tsql.reading import Reading
from simulator.tds.tsql.terms import Call, Column, Expression, Item, Literal, Select, Source
from simulator.tds.values import ResultColumn, ResultSet, Value, sorting, type_of

if TYPE_CHECKING:
    from simulator.tds.engine import SqlSession

Row = tuple[Value, ...]
AGGREGATES = ("COUNT", "COUNT_BIG", "MIN", "MAX", "SUM")


def select(session: SqlSession, evaluator: Evaluator, query: Select, outer: Scope) -> ResultSet:
    """The query's rows as this session may see them."""
    relations = [(source, read(session, evaluator, source)) for source in query.sources]
    scopes = [scope for scope in _joined(evaluator, relations, outer) if evaluator.truth(query.where, scope)]
    items = _expanded(query.items, relations)
    if any(_is_aggregate(item.expression) for item in items):
        rows = [_aggregated(evaluator, items, scopes)]
    else:
        rows = _projected(evaluator, query, items, scopes)
    return ResultSet(_header(items, relations, rows), tuple(_topped(evaluator, query, rows, outer)))


def read(session: SqlSession, evaluator: Evaluator, source: Source) -> Relation:
    """A system view, or a table or view that the session may SELECT from. Errors 40515, 208, 229."""
    session.tables.demand_own(source.table)
    system = relation(session, source.table)
    if system:
        return Relation(system.columns, list(system.rows))
    view = session.modules.find(source.table, session.default_schema, "view")
    if view:
        return _seen_through(session, evaluator, view)
    table = session.tables.demand(source.table, session.default_schema)
    session.demand("SELECT", table.schema, table.name)
    return Relation(table.result_columns, table.rows)


def _seen_through(session: SqlSession, evaluator: Evaluator, view: Module) -> Relation:
    session.demand("SELECT", view.schema, view.name)
    with session.inside(view):
        result = select(session, evaluator, expressions.select(Reading(view.text)), Scope())
    return Relation(result.columns, result.rows)


def _joined(evaluator: Evaluator, relations: list[tuple[Source, Relation]], outer: Scope) -> list[Scope]:
    scopes = [Scope((), outer)]
    for source, table in relations:
        places = {column.name.lower(): index for index, column in enumerate(table.columns)}
        scopes = [wider for scope in scopes for wider in _extended(evaluator, scope, source, table, places)]
    return scopes


def _extended(
    evaluator: Evaluator, scope: Scope, source: Source, table: Relation, places: dict[str, int]
) -> Iterator[Scope]:
    matched = False
    for row in table.rows:
        wider = Scope((*scope.bindings, Binding(source.alias, places, row)), scope.outer)
        if evaluator.truth(source.condition, wider):
            matched = True
            yield wider
    if source.outer and not matched:
        nothing = (None,) * len(table.columns)
        yield Scope((*scope.bindings, Binding(source.alias, places, nothing)), scope.outer)


def _expanded(items: tuple[Item, ...], relations: list[tuple[Source, Relation]]) -> list[Item]:
    """Stars become columns. Error 107 for a star of an unknown table."""
    found: list[Item] = []
    for item in items:
        found.extend([item] if item.expression else _star(item, relations))
    return found


def _star(item: Item, relations: list[tuple[Source, Relation]]) -> list[Item]:
    meant = [(s, r) for s, r in relations if item.table.lower() in ("", s.alias.lower())]
    if not meant:
        raise SqlError(
            107, 15, 1, f"The column prefix '{item.table}' does not match with a table name used in the query."
        )
    return [Item(Column(column.name, s.alias), column.name) for s, r in meant for column in r.columns]


def _is_aggregate(expression: Expression | None) -> bool:
    return isinstance(expression, Call) and expression.name in AGGREGATES


def _aggregated(evaluator: Evaluator, items: list[Item], scopes: list[Scope]) -> Row:
    return tuple(_aggregate(evaluator, item, scopes) for item in items)


def _aggregate(evaluator: Evaluator, item: Item, scopes: list[Scope]) -> Value:
    call = item.expression
    if not isinstance(call, Call) or call.name not in AGGREGATES:
        text = (
            f"Column '{item.name}' is invalid in the select list because it is not contained in an aggregate function."
        )
        raise SqlError(8120, 16, 1, text)
    if not call.arguments:
        return len(scopes)
    values = [value for scope in scopes if (value := evaluator.value(call.arguments[0], scope)) is not None]
    if call.name.startswith("COUNT"):
        return len(values)
    if not values:
        return None
    if call.name == "SUM":
        return sum(value for value in values if isinstance(value, int | float))
    ordered = sorted(values, key=cmp_to_key(sorting))
    return ordered[0] if call.name == "MIN" else ordered[-1]


def _projected(evaluator: Evaluator, query: Select, items: list[Item], scopes: list[Scope]) -> list[Row]:
    expressions = [item.expression for item in items if item.expression]
    pairs = [(tuple(evaluator.value(each, scope) for each in expressions), scope) for scope in scopes]
    for key, descending in reversed(query.order):
        pairs.sort(
            key=lambda pair, key=key: cmp_to_key(sorting)(_sort_value(evaluator, key, items, *pair)),  # type: ignore[misc]
            reverse=descending,
        )
    rows = [row for row, _ in pairs]
    return list(dict.fromkeys(rows)) if query.distinct else rows


def _sort_value(evaluator: Evaluator, key: Expression, items: list[Item], row: Row, scope: Scope) -> Value:
    """ORDER BY takes a number of the select list, a name given there, or any expression."""
    if isinstance(key, Literal) and isinstance(key.value, int) and 0 < key.value <= len(row):
        return row[key.value - 1]
    if isinstance(key, Column) and not key.table:
        names = [item.name.casefold() for item in items]
        if key.name.casefold() in names:
            return row[names.index(key.name.casefold())]
    return evaluator.value(key, scope)


def _topped(evaluator: Evaluator, query: Select, rows: list[Row], outer: Scope) -> list[Row]:
    if query.top is None:
        return rows
    limit = evaluator.value(query.top, outer)
    return rows[: limit if isinstance(limit, int) else 0]


def _header(items: list[Item], relations: list[tuple[Source, Relation]], rows: list[Row]) -> tuple[ResultColumn, ...]:
    return tuple(
        ResultColumn(item.name, _declared(item.expression, relations) or type_of([row[place] for row in rows]))
        for place, item in enumerate(items)
    )


def _declared(expression: Expression | None, relations: list[tuple[Source, Relation]]) -> str | None:
    """The type of a plain column; computed values speak for themselves."""
    if not isinstance(expression, Column):
        return None
    name, table = expression.name.casefold(), expression.table.casefold()
    candidates = [r for s, r in relations if table in ("", s.alias.casefold())]
    return next((c.type for r in candidates for c in r.columns if c.name.casefold() == name), None)

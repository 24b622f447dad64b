"""Expressions, conditions and SELECT."""

from __future__ import annotations

from simulator.tds.errors import SqlError
from simulator.tds.tsql.reading import RESERVED, Reading
from simulator.tds.tsql.terms import (
    Binary,
    Call,
    Cast,
    Column,
    Exists,
    Expression,
    In,
    IsNull,
    Item,
    Literal,
    Negation,
    Scalar,
    Select,
    Source,
    Variable,
)

LONGEST_NUMBER = 38  # digits
COMPARISONS = ("=", "<>", "!=", "<=", ">=", "<", ">")
BARE_FUNCTIONS = ("CURRENT_USER", "SESSION_USER", "SYSTEM_USER", "CURRENT_TIMESTAMP")  # called without brackets


def expression(reading: Reading) -> Expression:
    left = _conjunction(reading)
    while reading.takes("OR"):
        left = Binary("OR", left, _conjunction(reading))
    return left


def _conjunction(reading: Reading) -> Expression:
    left = _negation(reading)
    while reading.takes("AND"):
        left = Binary("AND", left, _negation(reading))
    return left


def _negation(reading: Reading) -> Expression:
    if reading.takes("NOT"):
        return Negation(_negation(reading))
    return _comparison(reading)


def _comparison(reading: Reading) -> Expression:
    left = _sum(reading)
    if reading.takes("IS"):
        negated = reading.takes("NOT")
        reading.expect("NULL")
        return Negation(IsNull(left)) if negated else IsNull(left)
    if reading.sees("NOT", "IN") or reading.sees("NOT", "LIKE"):
        reading.next()
        return Negation(_membership(reading, left))
    if reading.sees("IN") or reading.sees("LIKE"):
        return _membership(reading, left)
    for operator in COMPARISONS:
        if reading.takes(operator):
            return Binary("<>" if operator == "!=" else operator, left, _sum(reading))
    return left


def _membership(reading: Reading, left: Expression) -> Expression:
    if reading.takes("LIKE"):
        return Binary("LIKE", left, _sum(reading))
    reading.expect("IN")
    if reading.sees("(", "SELECT"):
        return In(left, _query(reading))
    return In(left, reading.bracketed(lambda: expression(reading)))


def _sum(reading: Reading) -> Expression:
    left = _product(reading)
    while reading.sees("+") or reading.sees("-"):
        left = Binary(reading.next().text, left, _product(reading))
    return left


def _product(reading: Reading) -> Expression:
    left = _atom(reading)
    while reading.sees("*") or reading.sees("/") or reading.sees("%"):
        left = Binary(reading.next().text, left, _atom(reading))
    return left


def _atom(reading: Reading) -> Expression:
    if reading.takes("-"):
        return Binary("-", Literal(0), _atom(reading))
    if reading.takes("NULL"):
        return Literal(None)
    if reading.takes("EXISTS"):
        return Exists(_query(reading))
    if reading.sees("("):
        return _parenthesis(reading)
    if reading.token.kind in ("string", "number", "hex", "variable"):
        return _constant(reading)
    return _named(reading)


def _parenthesis(reading: Reading) -> Expression:
    if reading.sees("(", "SELECT"):
        return Scalar(_query(reading))
    return reading.bracketed(lambda: expression(reading))[0]


def _constant(reading: Reading) -> Expression:
    token = reading.next()
    if token.kind == "variable":
        return Variable(token.text.lower())
    if token.kind == "hex":
        digits = token.text[2:]
        return Literal(bytes.fromhex(digits if len(digits) % 2 == 0 else f"0{digits}"))
    if token.kind == "number":
        if len(token.text) > LONGEST_NUMBER:
            raise SqlError(1007, 15, 1, "The number is out of the range for numeric representation.")
        return Literal(int(token.text) if token.text.isdigit() else float(token.text))
    return Literal(token.value)


def _named(reading: Reading) -> Expression:
    if reading.ahead().text == "(" and reading.token.kind == "name":
        return _call(reading)
    if reading.token.word in BARE_FUNCTIONS:
        return Call(reading.next().word, ())
    name = reading.object_name()
    return Column(name.name, name.schema)


def _call(reading: Reading) -> Expression:
    name = reading.next().word
    if name == "CAST":
        return _cast(reading)
    if name == "CONVERT":
        return _convert(reading)
    if reading.takes("(", ")") or reading.takes("(", "*", ")"):
        return Call(name, ())
    return Call(name, reading.bracketed(lambda: expression(reading)))


def _cast(reading: Reading) -> Expression:
    reading.expect("(")
    operand = expression(reading)
    reading.expect("AS")
    cast = Cast(operand, reading.type_name())
    reading.expect(")")
    return cast


def _convert(reading: Reading) -> Expression:
    reading.expect("(")
    target = reading.type_name()
    reading.expect(",")
    cast = Cast(expression(reading), target)
    if reading.takes(","):
        reading.integer()
    reading.expect(")")
    return cast


def _query(reading: Reading) -> Select:
    reading.expect("(")
    query = select(reading)
    reading.expect(")")
    return query


def select(reading: Reading) -> Select:
    reading.expect("SELECT")
    distinct = reading.takes("DISTINCT")
    top = _top(reading) if reading.takes("TOP") else None
    items = reading.separated(lambda: _item(reading))
    sources = _sources(reading) if reading.takes("FROM") else ()
    where = expression(reading) if reading.takes("WHERE") else None
    order = reading.separated(lambda: _order(reading)) if reading.takes("ORDER", "BY") else ()
    return Select(items, sources, where, order, top, distinct)


def _top(reading: Reading) -> Expression:
    if reading.sees("("):
        return reading.bracketed(lambda: expression(reading))[0]
    return Literal(reading.integer())


def _item(reading: Reading) -> Item:
    if reading.takes("*"):
        return Item(None)
    if reading.ahead().text == "." and reading.ahead(2).text == "*":
        table = reading.name()
        reading.expect(".", "*")
        return Item(None, table=table)
    if reading.ahead().text == "=" and reading.token.kind == "variable":
        variable = reading.next().text.lower()
        reading.expect("=")
        return Item(expression(reading), variable=variable)
    if reading.ahead().text == "=" and reading.token.kind in ("name", "quoted"):
        name = reading.name()
        reading.expect("=")
        return Item(expression(reading), name)
    value = expression(reading)
    return Item(value, _alias(reading) or (value.name if isinstance(value, Column) else ""))


def _alias(reading: Reading) -> str:
    if reading.takes("AS"):
        return reading.string() if reading.token.kind == "string" else reading.name()
    if reading.token.kind == "quoted" or (reading.token.kind == "name" and reading.token.word not in RESERVED):
        return reading.name()
    return ""


def _sources(reading: Reading) -> tuple[Source, ...]:
    sources = [_source(reading)]
    while True:
        if reading.takes(","):
            sources.append(_source(reading))
        elif reading.takes("INNER", "JOIN") or reading.takes("JOIN"):
            sources.append(_source(reading, joined=True))
        elif reading.takes("LEFT", "OUTER", "JOIN") or reading.takes("LEFT", "JOIN"):
            sources.append(_source(reading, joined=True, outer=True))
        else:
            return tuple(sources)


def _source(reading: Reading, *, joined: bool = False, outer: bool = False) -> Source:
    table = reading.object_name()
    alias = _alias(reading) or table.name
    condition = None
    if joined:
        reading.expect("ON")
        condition = expression(reading)
    return Source(table, alias, condition, outer)


def _order(reading: Reading) -> tuple[Expression, bool]:
    key = expression(reading)
    descending = reading.takes("DESC")
    if not descending:
        reading.takes("ASC")
    return key, descending

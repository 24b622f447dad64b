"""Expressions over rows and variables, with SQL's three-valued logic (None is UNKNOWN)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from simulator.tds.errors import SqlError
from simulator.tds.tsql.terms import (
    Binary,
    Call,
    Cast,
    Column,
    Exists,
    Expression,
    In,
    IsNull,
    Literal,
    Negation,
    Scalar,
    Select,
    Variable,
)
from simulator.tds.values import ResultSet, Truth, Value, compare, convert, like


@dataclass(frozen=True, slots=True)
class Binding:
    """One table of FROM with its row at hand; `columns` are lower-case names to places."""

    alias: str
    columns: dict[str, int]
    row: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean: the tables of this query, then those of the query around it."""

    bindings: tuple[Binding, ...] = ()
    outer: Scope | None = None

    def find(self, column: Column) -> Value:
        """Error 207 for an unknown name, 209 for one that two tables have."""
        name, table = column.name.lower(), column.table.lower()
        found = [
            binding.row[binding.columns[name]]
            for binding in self.bindings
            if name in binding.columns and table in ("", binding.alias.lower())
        ]
        if len(found) > 1:
            raise SqlError(209, 16, 1, f"Ambiguous column name '{column.name}'.")
        if found:
            return found[0]
        if self.outer:
            return self.outer.find(column)
        raise SqlError(207, 16, 1, f"Invalid column name '{column.name}'.")


class Surroundings(Protocol):
    """What an expression may ask beyond its rows."""

    def call(self, name: str, arguments: list[Value]) -> Value: ...
    def system_variable(self, name: str) -> Value: ...
    def query(self, select: Select, outer: Scope) -> ResultSet: ...


@dataclass(slots=True)
class Evaluator:
    surroundings: Surroundings
    variables: dict[str, Value] = field(default_factory=dict)

    def value(self, expression: Expression, scope: Scope) -> Value:
        return _RULES[type(expression)](self, expression, scope)

    def truth(self, expression: Expression | None, scope: Scope) -> bool:
        """Whether a condition holds; UNKNOWN does not. An absent condition always holds."""
        return expression is None or bool(self.value(expression, scope))


def _literal(evaluator: Evaluator, node: Literal, scope: Scope) -> Value:
    return node.value


def _column(evaluator: Evaluator, node: Column, scope: Scope) -> Value:
    return scope.find(node)


def _variable(evaluator: Evaluator, node: Variable, scope: Scope) -> Value:
    if node.name.startswith("@@"):
        return evaluator.surroundings.system_variable(node.name)
    if node.name not in evaluator.variables:
        raise SqlError(137, 15, 2, f'Must declare the scalar variable "{node.name}".')
    return evaluator.variables[node.name]


def _call(evaluator: Evaluator, node: Call, scope: Scope) -> Value:
    return evaluator.surroundings.call(node.name, [evaluator.value(each, scope) for each in node.arguments])


def _cast(evaluator: Evaluator, node: Cast, scope: Scope) -> Value:
    return convert(evaluator.value(node.operand, scope), node.type)


def _negation(evaluator: Evaluator, node: Negation, scope: Scope) -> Truth:
    value = evaluator.value(node.operand, scope)
    return None if value is None else not value


def _binary(evaluator: Evaluator, node: Binary, scope: Scope) -> Value:
    left = evaluator.value(node.left, scope)
    if node.operator in ("AND", "OR"):
        return _logic(node.operator, left, lambda: evaluator.value(node.right, scope))
    right = evaluator.value(node.right, scope)
    if node.operator == "LIKE":
        return like(left, right)
    if node.operator in _COMPARISONS:
        order = compare(left, right)
        return None if order is None else _COMPARISONS[node.operator](order)
    return _arithmetic(node.operator, left, right)


def _logic(operator: str, left: Value, right: Callable[[], Value]) -> Truth:
    decisive = operator == "OR"
    if left is not None and bool(left) is decisive:
        return decisive
    other = right()
    if other is not None and bool(other) is decisive:
        return decisive
    return None if left is None or other is None else not decisive


_COMPARISONS: dict[str, Callable[[int], bool]] = {
    "=": lambda order: order == 0,
    "<>": lambda order: order != 0,
    "<": lambda order: order < 0,
    ">": lambda order: order > 0,
    "<=": lambda order: order <= 0,
    ">=": lambda order: order >= 0,
}


def _arithmetic(operator: str, left: Value, right: Value) -> Value:
    if left is None or right is None:
        return None
    if operator == "+" and isinstance(left, str) and isinstance(right, str):
        return left + right
    a, b = _number(left), _number(right)
    if operator in "/%":
        return _quotient(operator, a, b)
    return {"+": a + b, "-": a - b, "*": a * b}[operator]


def _number(value: Value) -> int | float:
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        return int(value) if value.strip().lstrip("+-").isdigit() else _not_a_number(value)
    raise SqlError(402, 16, 1, "The data types are incompatible in this operator.")


def _not_a_number(value: str) -> int:
    raise SqlError(245, 16, 1, f"Conversion failed when converting the nvarchar value '{value}' to data type int.")


def _quotient(operator: str, a: float, b: float) -> Value:
    """Towards zero for integers, as SQL divides."""
    if b == 0:
        raise SqlError(8134, 16, 1, "Divide by zero error encountered.")
    if isinstance(a, int) and isinstance(b, int):
        whole = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return whole if operator == "/" else a - whole * b
    return a / b if operator == "/" else a % b


def _is_null(evaluator: Evaluator, node: IsNull, scope: Scope) -> Truth:
    return evaluator.value(node.operand, scope) is None


def _in(evaluator: Evaluator, node: In, scope: Scope) -> Truth:
    value = evaluator.value(node.operand, scope)
    if isinstance(node.choices, Select):
        choices = [row[0] for row in evaluator.surroundings.query(node.choices, scope).rows]
    else:
        choices = [evaluator.value(choice, scope) for choice in node.choices]
    found = [compare(value, choice) for choice in choices]
    if 0 in found:
        return True
    return None if None in found else False


def _exists(evaluator: Evaluator, node: Exists, scope: Scope) -> Truth:
    return bool(evaluator.surroundings.query(node.query, scope).rows)


def _scalar(evaluator: Evaluator, node: Scalar, scope: Scope) -> Value:
    rows = evaluator.surroundings.query(node.query, scope).rows
    if len(rows) > 1:
        raise SqlError(512, 16, 1, "Subquery returned more than 1 value.")
    return rows[0][0] if rows else None


_RULES: dict[type, Callable[..., Value]] = {
    Literal: _literal,
    Column: _column,
    Variable: _variable,
    Call: _call,
    Cast: _cast,
    Negation: _negation,
    Binary: _binary,
    IsNull: _is_null,
    In: _in,
    Exists: _exists,
    Scalar: _scalar,
}

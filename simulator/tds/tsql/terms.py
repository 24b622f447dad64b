"""What statements are made of: names, types, expressions, queries."""

from __future__ import annotations

from dataclasses import dataclass

Value = None | int | float | str | bytes


@dataclass(frozen=True, slots=True)
class TypeName:
    """A declared type, lower case; `length` is characters or bytes, None where the type takes none or it is `max`."""

    name: str
    length: int | None = None


@dataclass(frozen=True, slots=True)
class ObjectName:
    """A one- to three-part name; the empty schema means the user's default, the empty database one's own."""

    name: str
    schema: str = ""
    database: str = ""

    def __str__(self) -> str:
        return ".".join(part for part in (self.database, self.schema, self.name) if part)


@dataclass(frozen=True, slots=True)
class Literal:
    value: Value


@dataclass(frozen=True, slots=True)
class Column:
    """A column, perhaps behind a table's name or alias."""

    name: str
    table: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function; COUNT(*) is a call of COUNT with no argument."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Cast:
    operand: Expression
    type: TypeName


@dataclass(frozen=True, slots=True)
class Negation:
    """NOT for conditions."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic, comparison, LIKE, AND, OR: `operator` in capitals."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class IsNull:
    operand: Expression


@dataclass(frozen=True, slots=True)
class In:
    operand: Expression
    choices: tuple[Expression, ...] | Select


@dataclass(frozen=True, slots=True)
class Exists:
    query: Select


@dataclass(frozen=True, slots=True)
class Scalar:
    """A query in the place of a value."""

    query: Select


Expression = Literal | Column | Variable | Call | Cast | Negation | Binary | IsNull | In | Exists | Scalar


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a select list; `expression` None is a star, of one table when `table` is set.

    With `variable` it assigns and shows nothing.
    """

    expression: Expression | None
    name: str = ""
    table: str = ""
    variable: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """One table of FROM. `condition` belongs to its JOIN."""

    table: ObjectName
    alias: str
    condition: Expression | None = None
    outer: bool = False


@dataclass(frozen=True, slots=True)
class Select:
    items: tuple[Item, ...]
    sources: tuple[Source, ...] = ()
    where: Expression | None = None
    order: tuple[tuple[Expression, bool], ...] = ()  # the flag means descending
    top: Expression | None = None
    distinct: bool = False

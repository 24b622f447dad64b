"""The syntax tree: what a batch says, not yet what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf

Value = None | int | float | str | bytes


@dataclass(frozen=True, slots=True)
class TypeName:
    """A declared type, lower case; `length` is characters or bytes, None where the type takes none or it is `max`."""

    name: str
    length: int | None = None


@dataclass(frozen=True, slots=True)
class ObjectName:
    """A one- to three-part name; the empty schema means the user's default."""

    name: str
    schema: str = ""

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


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


@dataclass(frozen=True, slots=True)
class CreateUser:
    """`password` None: WITHOUT LOGIN or FROM EXTERNAL PROVIDER, told apart by `external`."""

    name: str
    password: str | None
    default_schema: str = "dbo"
    sid: bytes | None = None
    external: bool = False


@dataclass(frozen=True, slots=True)
class AlterUser:
    """What stays None stays as it is."""

    name: str
    password: str | None = None
    old_password: str | None = None
    new_name: str | None = None
    default_schema: str | None = None


@dataclass(frozen=True, slots=True)
class Create:
    """CREATE ROLE or CREATE SCHEMA; `owner` empty means the creator."""

    kind: OneOf["role", "schema"]
    name: str
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Drop:
    kind: OneOf["user", "role", "schema", "table"]
    name: ObjectName
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class AlterRole:
    role: str
    member: str
    add: bool


@dataclass(frozen=True, slots=True)
class Permission:
    """GRANT, DENY or REVOKE. `scope` says what `securable` names; for the database it is empty."""

    action: OneOf["GRANT", "DENY", "REVOKE"]
    permissions: tuple[str, ...]
    scope: OneOf["database", "schema", "object"]
    securable: ObjectName
    principals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ColumnDefinition:
    name: str
    type: TypeName
    nullable: bool = True
    primary_key: bool = False


@dataclass(frozen=True, slots=True)
class CreateTable:
    table: ObjectName
    columns: tuple[ColumnDefinition, ...]


@dataclass(frozen=True, slots=True)
class Insert:
    """`columns` empty means all, in order."""

    table: ObjectName
    columns: tuple[str, ...]
    rows: tuple[tuple[Expression, ...], ...] | Select


@dataclass(frozen=True, slots=True)
class Update:
    table: ObjectName
    changes: tuple[tuple[str, Expression], ...]
    where: Expression | None


@dataclass(frozen=True, slots=True)
class Delete:
    table: ObjectName
    where: Expression | None


@dataclass(frozen=True, slots=True)
class If:
    condition: Expression
    then: Statement
    otherwise: Statement | None = None


@dataclass(frozen=True, slots=True)
class Block:
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Declare:
    variables: tuple[tuple[str, TypeName, Expression | None], ...]


@dataclass(frozen=True, slots=True)
class Assign:
    variable: str
    value: Expression


@dataclass(frozen=True, slots=True)
class ExecuteText:
    """EXEC ('…' + @x)."""

    text: Expression


@dataclass(frozen=True, slots=True)
class ExecuteProcedure:
    """Arguments as (name or empty, value)."""

    name: str
    arguments: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class Transaction:
    action: OneOf["begin", "commit", "rollback"]


@dataclass(frozen=True, slots=True)
class Use:
    database: str


@dataclass(frozen=True, slots=True)
class Print:
    text: Expression


@dataclass(frozen=True, slots=True)
class Kill:
    session_id: int


@dataclass(frozen=True, slots=True)
class NoOperation:
    """SET options: taken and without effect here."""


Statement = (
    Select | CreateUser | AlterUser | Create | Drop | AlterRole | Permission | CreateTable | Insert | Update | Delete
    | If | Block | Declare | Assign | ExecuteText | ExecuteProcedure | Transaction | Use | Print | Kill | NoOperation
)  # fmt: skip

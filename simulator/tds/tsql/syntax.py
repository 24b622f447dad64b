"""The syntax tree: what a batch says, not yet what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf

from simulator.tds.tsql.terms import Expression, ObjectName, Select, TypeName


@dataclass(frozen=True, slots=True)
class CreateUser:
    """`password` None: WITHOUT LOGIN or FROM EXTERNAL PROVIDER, told apart by `external`; that may name an object of Entra."""

    name: str
    password: str | None
    default_schema: str = "dbo"
    sid: bytes | None = None
    external: bool = False
    object_id: str = ""


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
    kind: OneOf["user", "role", "schema", "table", "view", "procedure"]
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
    memory_optimized: bool = False


@dataclass(frozen=True, slots=True)
class AddColumns:
    """ALTER TABLE … ADD."""

    table: ObjectName
    columns: tuple[ColumnDefinition, ...]


@dataclass(frozen=True, slots=True)
class CreateIndex:
    name: str
    table: ObjectName
    columns: tuple[str, ...]
    unique: bool


@dataclass(frozen=True, slots=True)
class DropIndex:
    name: str
    table: ObjectName
    if_exists: bool


@dataclass(frozen=True, slots=True)
class CreateModule:
    """CREATE [OR ALTER] VIEW or PROCEDURE; `text` is what comes after AS."""

    kind: OneOf["view", "procedure"]
    name: ObjectName
    parameters: tuple[tuple[str, TypeName], ...]
    text: str
    replace: bool


@dataclass(frozen=True, slots=True)
class AlterDatabase:
    """Empty: the current one."""

    database: str


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

    name: ObjectName
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
    | AddColumns | CreateIndex | DropIndex | CreateModule | AlterDatabase | If | Block | Declare | Assign | ExecuteText
    | ExecuteProcedure | Transaction | Use | Print | Kill | NoOperation
)  # fmt: skip

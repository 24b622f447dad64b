"""SQL values in Python: None, int, float, str, bytes, datetime; conversion, comparison, and the types of results."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulator.tds.errors import SqlError
from simulator.tds.tsql.terms import TypeName

Value = None | int | float | str | bytes | datetime
Truth = bool | None

INTEGERS = {"bit": (0, 1), "tinyint": (0, 255), "smallint": (-(2**15), 2**15 - 1), "int": (-(2**31), 2**31 - 1),
            "bigint": (-(2**63), 2**63 - 1)}  # fmt: skip
TEXTS = ("nvarchar", "varchar", "nchar", "char", "sysname", "uniqueidentifier")
NUMBERS = ("float", "real", "decimal", "numeric", "money")
MOMENTS = ("datetime", "datetime2", "smalldatetime", "date")
BINARIES = ("varbinary", "binary")


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """`type` is one of int, bigint, bit, float, nvarchar, datetime, varbinary: what the wire knows."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class ResultSet:
    columns: tuple[ResultColumn, ...]
    rows: tuple[tuple[Value, ...], ...]


def convert(value: Value, target: TypeName) -> Value:
    """The value as the declared type, cut to its length. Errors 245, 220 (out of range), 243 (unknown type)."""
    if value is None:
        return None
    if target.name in INTEGERS:
        return _to_integer(value, target.name)
    for names, conversion in _CONVERSIONS:
        if target.name in names:
            return conversion(value, target)
    raise SqlError(243, 16, 1, f"Type {target.name} is not a defined system type.")


def _failed(value: Value, target: str) -> SqlError:
    return SqlError(
        245, 16, 1, f"Conversion failed when converting the nvarchar value '{value!s}' to data type {target}."
    )


def _to_integer(value: Value, name: str) -> int:
    try:
        number = int(value)  # type: ignore[arg-type]  # what does not fit raises
    except (TypeError, ValueError, OverflowError):
        raise _failed(value, name) from None
    if name == "bit":
        return int(number != 0)
    low, high = INTEGERS[name]
    if not low <= number <= high:
        raise SqlError(220, 16, 1, f"Arithmetic overflow error for data type {name}, value = {number}.")
    return number


def _to_text(value: Value, target: TypeName) -> str:
    if isinstance(value, bytes):
        text = value.decode("utf-16-le", "replace") if target.name.startswith("n") else value.decode("latin-1")
    elif isinstance(value, datetime):
        text = value.isoformat(sep=" ", timespec="milliseconds")
    else:
        text = str(value)
    return text if target.length is None else text[: target.length]


def _to_number(value: Value, target: TypeName) -> float:
    try:
        return float(value)  # type: ignore[arg-type]  # what does not fit raises
    except (TypeError, ValueError):
        raise _failed(value, target.name) from None


def _to_moment(value: Value, target: TypeName) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=None)
    except ValueError:
        text = "Conversion failed when converting date and/or time from character string."
        raise SqlError(241, 16, 1, text) from None


def _to_binary(value: Value, target: TypeName) -> bytes:
    if isinstance(value, int):
        return value.to_bytes(4 if abs(value) < 2**31 else 1 + value.bit_length() // 8, "big", signed=True)
    data = value if isinstance(value, bytes) else str(value).encode("utf-16-le")
    return data if target.length is None else data[: target.length]


_CONVERSIONS: tuple[tuple[tuple[str, ...], Callable[[Value, TypeName], Value]], ...] = (
    (TEXTS, _to_text),
    (NUMBERS, _to_number),
    (MOMENTS, _to_moment),
    (BINARIES, _to_binary),
)


def is_known(target: TypeName) -> bool:
    return target.name in INTEGERS or any(target.name in names for names, _ in _CONVERSIONS)


def result_type(target: TypeName) -> str:
    """The type that a declared type has in a result set."""
    if target.name in INTEGERS:
        return target.name if target.name in ("bit", "bigint") else "int"
    kinds = ((TEXTS, "nvarchar"), (NUMBERS, "float"), (MOMENTS, "datetime"), (BINARIES, "varbinary"))
    return next(kind for names, kind in kinds if target.name in names)


def type_of(values: list[Value]) -> str:
    """The type for a computed column: the narrowest that holds all its values, int where there are none."""
    kinds = {_python_kind(value) for value in values if value is not None}
    if kinds <= {"int", "bigint"}:
        return "bigint" if "bigint" in kinds else "int"
    if kinds <= {"int", "bigint", "float"}:
        return "float"
    return kinds.pop() if len(kinds) == 1 else "nvarchar"


def _python_kind(value: Value) -> str:
    if isinstance(value, int):
        ranges = (name for name in ("int", "bigint") if INTEGERS[name][0] <= value <= INTEGERS[name][1])
        return next(ranges, "float")
    kinds = ((str, "nvarchar"), (float, "float"), (datetime, "datetime"), (bytes, "varbinary"))
    return next(kind for python, kind in kinds if isinstance(value, python))


def compare(left: Value, right: Value) -> int | None:
    """-1, 0 or 1; None when one is NULL. Texts compare without case and trailing spaces (the default collation)."""
    if left is None or right is None:
        return None
    a, b = _comparable(left, right), _comparable(right, left)
    return int(a > b) - int(a < b)


def sorting(left: Value, right: Value) -> int:
    """The order of ORDER BY, for functools.cmp_to_key: NULL first."""
    if left is None or right is None:
        return int(left is not None) - int(right is not None)
    return compare(left, right) or 0


def _comparable(value: Value, other: Value) -> Any:
    if isinstance(other, int | float) and isinstance(value, str):
        return _to_number(value, TypeName("float"))
    if isinstance(other, bytes) and not isinstance(value, bytes):
        return _to_binary(value, TypeName("varbinary"))
    if isinstance(other, datetime):
        return _to_moment(value, TypeName("datetime"))
    return value.rstrip(" ").casefold() if isinstance(value, str) else value


def like(value: Value, pattern: Value) -> Truth:
    """% any text, _ one character, [..] one of these; without case."""
    if value is None or pattern is None:
        return None
    parts = re.findall(r"\[[^\]]+\]|.", str(pattern), re.DOTALL)
    expression = "".join(_like_part(part) for part in parts)
    try:
        return re.fullmatch(expression, str(value), re.DOTALL | re.IGNORECASE) is not None
    except re.error:  # an impossible range such as [z-a] matches nothing
        return False


def _like_part(part: str) -> str:
    if len(part) > 1:
        inside = part[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return f"[{inside}]"
    return {"%": ".*", "_": "."}.get(part, re.escape(part))

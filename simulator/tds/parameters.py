"""The typed values of RPC parameters."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from simulator.tds.values import Value
from simulator.tds.wire import Cursor, ProtocolError, decode

BY_REFERENCE = 0x01
NO_LENGTH, CHUNKED = 0xFFFF, 0xFFFF
COLLATION_BYTES = 5

Read = Callable[[Cursor], Value]


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    by_reference: bool
    value: Value


def read_parameter(cursor: Cursor) -> Parameter:
    """Name, flags, type, value. Raises ProtocolError for a type outside the subset."""
    name = cursor.short_text()
    flags = cursor.number(1)
    try:
        return Parameter(name.lower(), bool(flags & BY_REFERENCE), _read_type(cursor)(cursor))
    except (OverflowError, struct.error) as problem:
        raise ProtocolError("a value that its type cannot hold") from problem


def _read_type(cursor: Cursor) -> Read:
    """Take the TYPE_INFO; what comes back reads the value behind it."""
    kind = cursor.number(1)
    if kind in _FIXED:
        return _FIXED[kind]
    if kind in _BY_LENGTH:
        cursor.number(1)
        return partial(_with_length, convert=_BY_LENGTH[kind])
    if kind in (0x6A, 0x6C):
        cursor.take(2)
        return partial(_with_length, convert=partial(_decimal, scale=cursor.number(1)))
    if kind in (0x28, 0x29, 0x2A, 0x2B):
        return partial(_with_length, convert=partial(_moment, kind=kind, scale=0 if kind == 0x28 else cursor.number(1)))
    if kind in _LONG:
        return _read_long_type(cursor, kind)
    raise ProtocolError("a parameter of a type outside the subset")


def _with_length(cursor: Cursor, convert: Callable[[bytes], Value]) -> Value:
    data = cursor.take(cursor.number(1))
    return convert(data) if data else None


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=len(data) > 1)


def _float(data: bytes) -> float:
    return float(struct.unpack("<f" if len(data) == 4 else "<d", data)[0])


def _decimal(data: bytes, scale: int) -> Value:
    """Sign byte and magnitude."""
    magnitude = int.from_bytes(data[1:], "little") * (1 if data[0] else -1)
    return magnitude if scale == 0 else magnitude / 10**scale


def _old_moment(data: bytes) -> datetime:
    """DATETIME in eight bytes, SMALLDATETIME in four."""
    start = datetime(1900, 1, 1)  # noqa: DTZ001  # SQL's datetime has no zone
    if len(data) == 4:
        days, minutes = struct.unpack("<HH", data)
        return start + timedelta(days=days, minutes=minutes)
    days, ticks = struct.unpack("<iI", data)
    return start + timedelta(days=days, milliseconds=round(ticks * 10 / 3))


def _moment(data: bytes, kind: int, scale: int) -> datetime:
    """DATE, TIME, DATETIME2, DATETIMEOFFSET (as UTC)."""
    start = datetime(1, 1, 1)  # noqa: DTZ001  # SQL's datetime2 has no zone
    if kind == 0x2B:
        data = data[:-2]
    days = 0 if kind == 0x29 else int.from_bytes(data[-3:], "little")
    clock = data if kind == 0x29 else data[:-3]
    return start + timedelta(days=days, microseconds=int.from_bytes(clock, "little") * 10**6 // 10**scale)


def _latin(data: bytes) -> str:
    return data.decode("cp1252", "replace")


def _guid(data: bytes) -> str:
    return str(uuid.UUID(bytes_le=data)).upper() if len(data) == 16 else _broken()


def _broken() -> str:
    raise ProtocolError("a value of the wrong length")


def _fixed(cursor: Cursor, size: int, convert: Callable[[bytes], Value]) -> Value:
    return convert(cursor.take(size))


def _nothing(cursor: Cursor) -> Value:
    return None


_FIXED: dict[int, Read] = {
    0x1F: _nothing,
    0x30: partial(_fixed, size=1, convert=_signed),
    0x32: partial(_fixed, size=1, convert=_signed),
    0x34: partial(_fixed, size=2, convert=_signed),
    0x38: partial(_fixed, size=4, convert=_signed),
    0x7F: partial(_fixed, size=8, convert=_signed),
    0x3B: partial(_fixed, size=4, convert=_float),
    0x3E: partial(_fixed, size=8, convert=_float),
    0x3A: partial(_fixed, size=4, convert=_old_moment),
    0x3D: partial(_fixed, size=8, convert=_old_moment),
}
_BY_LENGTH: dict[int, Callable[[bytes], Value]] = {
    0x24: _guid,
    0x26: _signed,
    0x68: _signed,
    0x6D: _float,
    0x6F: _old_moment,
}
_LONG: dict[int, Callable[[bytes], Value]] = {
    0xA5: bytes,
    0xAD: bytes,
    0xA7: _latin,
    0xAF: _latin,
    0xE7: decode,
    0xEF: decode,
}


def _read_long_type(cursor: Cursor, kind: int) -> Read:
    longest = cursor.number(2)
    if kind not in (0xA5, 0xAD):
        cursor.take(COLLATION_BYTES)
    return partial(_chunked if longest == CHUNKED else _plain, convert=_LONG[kind])


def _plain(cursor: Cursor, convert: Callable[[bytes], Value]) -> Value:
    length = cursor.number(2)
    return None if length == NO_LENGTH else convert(cursor.take(length))


def _chunked(cursor: Cursor, convert: Callable[[bytes], Value]) -> Value:
    """PLP: a total (or unknown), then chunks up to an empty one."""
    if cursor.number(8) == 2**64 - 1:
        return None
    pieces = []
    while length := cursor.number(4):
        pieces.append(cursor.take(length))
    return convert(b"".join(pieces))

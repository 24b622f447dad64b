"""Reply tokens: what the server says, byte by byte."""

from __future__ import annotations

import struct
from datetime import datetime

from simulator.tds.errors import SqlError
from simulator.tds.values import ResultColumn, ResultSet, Value

SERVER_VERSION = bytes((12, 0)) + (2000).to_bytes(2, "big")
PROGRAM = "Microsoft SQL Server"
COLLATION = bytes.fromhex("0904d00034")  # SQL_Latin1_General_CP1_CI_AS
LONGEST_PLAIN_TEXT, LONGEST_PLAIN_BYTES = 4000, 8000

MORE, ERROR, COUNT, ATTENTION = 0x01, 0x02, 0x10, 0x20
DONE, DONE_PROCEDURE, DONE_IN_PROCEDURE = 0xFD, 0xFE, 0xFF
SELECT_COMMAND = 0xC1

DATABASE, LANGUAGE, PACKET_SIZE, SQL_COLLATION, BEGIN, COMMIT, ROLLBACK, RESET_DONE = 1, 2, 4, 7, 8, 9, 10, 18


def short_text(text: str) -> bytes:
    """B_VARCHAR, cut to the 255 characters that fit."""
    data = text[:255].encode("utf-16-le", "replace")
    return bytes((len(data) // 2,)) + data


def _long_text(text: str) -> bytes:
    data = text.encode("utf-16-le", "replace")
    return (len(data) // 2).to_bytes(2, "little") + data


def _sized(token: int, body: bytes) -> bytes:
    return bytes((token,)) + len(body).to_bytes(2, "little") + body


def done(token: int, status: int, rows: int = 0, command: int = 0) -> bytes:
    return struct.pack("<BHHQ", token, status, command, rows)


def error(problem: SqlError, *, server: str) -> bytes:
    return _message(0xAA, problem.number, problem.state, problem.severity, problem.message, server=server)


def information(number: int, text: str, *, server: str, state: int = 1) -> bytes:
    return _message(0xAB, number, state, 0, text, server=server)


def _message(token: int, number: int, state: int, severity: int, text: str, *, server: str) -> bytes:
    head = struct.pack("<iBB", number, state, severity)
    return _sized(token, head + _long_text(text) + short_text(server) + short_text("") + (1).to_bytes(4, "little"))


def changed(kind: int, new: bytes, old: bytes) -> bytes:
    """ENVCHANGE with ready-made values."""
    return _sized(0xE3, bytes((kind,)) + new + old)


def changed_text(kind: int, new: str, old: str = "") -> bytes:
    return changed(kind, short_text(new), short_text(old))


def transaction_changed(kind: int, descriptor: int) -> bytes:
    """BEGIN names the new transaction, COMMIT and ROLLBACK the old one."""
    number = b"\x08" + descriptor.to_bytes(8, "little")
    return changed(kind, number, b"\0") if kind == BEGIN else changed(kind, b"\0", number)


def login_acknowledged(client_version: int) -> bytes:
    """The version goes back as the client said it, big-endian."""
    version = client_version.to_bytes(4, "big")
    return _sized(0xAD, b"\x01" + version + short_text(PROGRAM) + SERVER_VERSION)


def federated_acknowledged(feature: int) -> bytes:
    """FEATUREEXTACK for a sign-in by token, without a nonce to sign."""
    return b"\xae" + bytes((feature,)) + bytes(4) + b"\xff"


def return_status(value: int) -> bytes:
    return struct.pack("<Bi", 0x79, value)


def return_value(name: str, number: int) -> bytes:
    """An integer that a procedure hands out, such as the handle of a prepared statement."""
    head = b"\0\0" + short_text(name) + b"\x01" + bytes(4) + bytes(2)
    return b"\xac" + head + b"\x26\x04" + b"\x04" + number.to_bytes(4, "little", signed=True)


def result_set(result: ResultSet) -> bytes:
    """COLMETADATA and the rows."""
    wide = [_is_wide(result, place) for place in range(len(result.columns))]
    head = len(result.columns).to_bytes(2, "little")
    metadata = b"".join(_column(column, wide[place]) for place, column in enumerate(result.columns))
    rows = (
        b"\xd1" + b"".join(_value(value, column.type, wide[place]) for place, (value, column) in enumerate(pairs))
        for pairs in (list(zip(row, result.columns, strict=True)) for row in result.rows)
    )
    return b"\x81" + head + metadata + b"".join(rows)


def _is_wide(result: ResultSet, place: int) -> bool:
    """Whether a column holds values too long for the plain form, so that all go in chunks."""
    values = [row[place] for row in result.rows]
    return any(
        (isinstance(value, str) and len(value.encode("utf-16-le", "replace")) > 2 * LONGEST_PLAIN_TEXT)
        or (isinstance(value, bytes) and len(value) > LONGEST_PLAIN_BYTES)
        for value in values
    )


def _column(column: ResultColumn, wide: bool) -> bytes:
    return struct.pack("<IH", 0, 0x09) + _type(column.type, wide) + short_text(column.name)


def _type(kind: str, wide: bool) -> bytes:
    if kind == "nvarchar":
        return b"\xe7" + (b"\xff\xff" if wide else (2 * LONGEST_PLAIN_TEXT).to_bytes(2, "little")) + COLLATION
    if kind == "varbinary":
        return b"\xa5" + (b"\xff\xff" if wide else LONGEST_PLAIN_BYTES.to_bytes(2, "little"))
    return {
        "int": b"\x26\x04",
        "bigint": b"\x26\x08",
        "bit": b"\x68\x01",
        "float": b"\x6d\x08",
        "datetime": b"\x6f\x08",
    }[kind]


def _value(value: Value, kind: str, wide: bool) -> bytes:
    if kind in ("nvarchar", "varbinary"):
        return _long_value(value, wide)
    if value is None:
        return b"\0"
    if isinstance(value, datetime):
        return b"\x08" + _moment(value)
    if kind == "float":
        return b"\x08" + struct.pack("<d", value)
    size = {"int": 4, "bigint": 8, "bit": 1}[kind]
    return bytes((size,)) + int(value).to_bytes(size, "little", signed=kind != "bit")


def _long_value(value: Value, wide: bool) -> bytes:
    if value is None:
        return b"\xff" * (8 if wide else 2)
    data = value if isinstance(value, bytes) else str(value).encode("utf-16-le", "replace")
    if not wide:
        return len(data).to_bytes(2, "little") + data
    chunk = len(data).to_bytes(4, "little") + data if data else b""
    return len(data).to_bytes(8, "little") + chunk + bytes(4)


def _moment(value: datetime) -> bytes:
    """DATETIME: days since 1900 and 300ths of a second."""
    since = value - datetime(1900, 1, 1)  # noqa: DTZ001  # SQL's datetime has no zone
    ticks = min(round((since.seconds + since.microseconds / 1e6) * 300), 86_400 * 300 - 1)
    return struct.pack("<iI", since.days, ticks)

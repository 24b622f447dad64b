"""PRELOGIN and LOGIN7."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum

from simulator.tds.tokens import SERVER_VERSION
from simulator.tds.wire import Cursor, ProtocolError, decode


class Option(IntEnum):
    """PRELOGIN options that are answered."""

    VERSION = 0
    ENCRYPTION = 1
    INSTANCE = 2
    THREAD = 3
    MARS = 4
    FEDERATED = 6


ENCRYPTION_ON, ENCRYPTION_REQUIRED = 1, 3
FIXED_BYTES = 94
EXTENSION_PRESENT, INTEGRATED_SECURITY = 0x10, 0x80
FEDERATED_AUTHENTICATION = 0x02
SECURITY_TOKEN = 1  # the library whose client brings a finished token


def read_prelogin(body: bytes) -> dict[int, bytes]:
    """The options by number. Raises ProtocolError when one lies outside the message."""
    options: dict[int, bytes] = {}
    cursor = Cursor(body)
    while (option := cursor.number(1)) != 0xFF:
        offset, length = struct.unpack(">HH", cursor.take(4))
        options[option] = Cursor(body, offset).take(length)
    return options


def prelogin_answer(options: dict[int, bytes], *, encrypted: bool) -> bytes:
    """Azure insists on encryption: 1 to who asked for it, 3 to all others. Inside TDS 8.0 it changes nothing."""
    asked = options.get(Option.ENCRYPTION, b"\0")
    agreed = ENCRYPTION_ON if encrypted or asked[:1] == b"\x01" else ENCRYPTION_REQUIRED
    answers: dict[int, bytes] = {
        Option.VERSION: SERVER_VERSION + b"\0\0",
        Option.ENCRYPTION: bytes((agreed,)),
        Option.INSTANCE: b"\0",
        Option.THREAD: b"",
        Option.MARS: b"\0",
    }
    if Option.FEDERATED in options:
        answers[Option.FEDERATED] = b"\x01"
    return _write_options(answers)


def _write_options(options: dict[int, bytes]) -> bytes:
    offset = 5 * len(options) + 1
    head, data = b"", b""
    for option, value in options.items():
        head += struct.pack(">BHH", option, offset + len(data), len(value))
        data += value
    return head + b"\xff" + data


@dataclass(frozen=True, slots=True)
class Login:
    """What LOGIN7 says. Its repr leaves the password out. `features` are the extension's data by id."""

    tds_version: int
    packet_size: int
    host: str
    user: str
    password: str = field(repr=False)
    program: str
    server: str
    database: str
    integrated: bool
    features: dict[int, bytes] = field(repr=False)

    @property
    def token(self) -> str:
        """The access token that came along (library 1, "security token"). Raises ProtocolError when it is cut short."""
        cursor = Cursor(self.features[FEDERATED_AUTHENTICATION])
        if cursor.number(1) >> 1 != SECURITY_TOKEN:
            return ""
        return decode(cursor.take(cursor.number(4)))

    @property
    def wants_token(self) -> bool:
        """Whether the client signs in with an Entra token in place of a password."""
        return FEDERATED_AUTHENTICATION in self.features


def read_login(body: bytes) -> Login:
    """Raises ProtocolError when a field lies outside the message or the message is too short."""
    if len(body) < FIXED_BYTES:
        raise ProtocolError("a LOGIN7 that ends too soon")
    version, packet_size = struct.unpack_from("<II", body, 4)
    second_flags, third_flags = body[25], body[27]
    return Login(
        tds_version=version,
        packet_size=packet_size,
        host=_text(body, 36),
        user=_text(body, 40),
        password=decode(bytes(map(_unscramble, _field(body, 44, 2)))),
        program=_text(body, 48),
        server=_text(body, 52),
        database=_text(body, 68),
        integrated=bool(second_flags & INTEGRATED_SECURITY),
        features=_features(body) if third_flags & EXTENSION_PRESENT else {},
    )


def _unscramble(byte: int) -> int:
    """XOR A5, then swap the halves."""
    byte ^= 0xA5
    return (byte << 4 & 0xF0) | byte >> 4


def _field(body: bytes, at: int, unit: int) -> bytes:
    offset, length = struct.unpack_from("<HH", body, at)
    return Cursor(body, offset).take(length * unit)


def _text(body: bytes, at: int) -> str:
    return decode(_field(body, at, 2))


def _features(body: bytes) -> dict[int, bytes]:
    start = int.from_bytes(_field(body, 56, 1)[:4], "little")
    cursor = Cursor(body, start)
    features: dict[int, bytes] = {}
    while (feature := cursor.number(1)) != 0xFF:
        features[feature] = cursor.take(cursor.number(4))
    return features

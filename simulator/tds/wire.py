"""Packets and messages: the framing below everything else. Integers are little-endian unless said otherwise."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

HEADER_BYTES = 8
PACKET_BYTES = 4096  # until login ends, and where the client leaves the choice to us
SMALLEST_PACKET, LARGEST_PACKET = 512, 32767
LARGEST_LOGIN = 128 * 1024
LARGEST_MESSAGE = 16 * 1024 * 1024


class PacketType(IntEnum):
    BATCH = 0x01
    RPC = 0x03
    REPLY = 0x04
    ATTENTION = 0x06
    FEDERATED_TOKEN = 0x08
    TRANSACTION = 0x0E
    LOGIN = 0x10
    PRELOGIN = 0x12  # also the envelope of the TLS handshake


END, IGNORE, RESET, RESET_KEEP_TRANSACTION = 0x01, 0x02, 0x08, 0x10


class ProtocolError(Exception):
    """The client does not speak TDS as agreed; the connection is closed."""


@dataclass(frozen=True, slots=True)
class Message:
    """All packets up to the one with the end bit; `status` joins the flags of all."""

    type: int
    status: int
    body: bytes


class MessageReader:
    """Bytes in any pieces to whole messages of at most `largest` bytes.

    Raises ProtocolError for impossible lengths and mixed types.
    """

    def __init__(self, largest: int = LARGEST_MESSAGE) -> None:
        self.largest = largest
        self._buffer = bytearray()
        self._parts: list[bytes] = []
        self._type = self._status = self._size = 0

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def take_rest(self) -> bytes:
        """What has arrived behind the last whole packet: after a handshake it belongs to TLS."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return rest

    def next(self) -> Message | None:
        while packet := self._next_packet():
            kind, status, payload = packet
            if self._parts and kind != self._type:
                raise ProtocolError("a message of two types")
            self._type, self._status = kind, self._status | status
            self._parts.append(payload)
            self._size += len(payload)
            if self._size > self.largest:
                raise ProtocolError("a message beyond all measure")
            if status & END:
                return self._finish()
        return None

    def _next_packet(self) -> tuple[int, int, bytes] | None:
        if len(self._buffer) < HEADER_BYTES:
            return None
        kind, status, length = struct.unpack_from(">BBH", self._buffer)
        if not HEADER_BYTES <= length <= LARGEST_PACKET:
            raise ProtocolError("a packet of impossible length")
        if len(self._buffer) < length:
            return None
        payload = bytes(self._buffer[HEADER_BYTES:length])
        del self._buffer[:length]
        return kind, status, payload

    def _finish(self) -> Message:
        message = Message(self._type, self._status, b"".join(self._parts))
        self._parts, self._type, self._status, self._size = [], 0, 0, 0
        return message


def packets(body: bytes, *, kind: int, size: int = PACKET_BYTES, session_id: int = 0) -> bytes:
    """A message cut into packets of at most `size` bytes, header included."""
    room = size - HEADER_BYTES
    pieces = [body[start : start + room] for start in range(0, len(body), room)] or [b""]
    framed = []
    for number, piece in enumerate(pieces, start=1):
        status = END if number == len(pieces) else 0
        header = struct.pack(">BBHHBB", kind, status, len(piece) + HEADER_BYTES, session_id & 0xFFFF, number % 256, 0)
        framed.append(header + piece)
    return b"".join(framed)


class Cursor:
    """Reads a message from the front. Raises ProtocolError when it ends too soon."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self.at = at

    @property
    def ended(self) -> bool:
        return self.at >= len(self._data)

    def take(self, count: int) -> bytes:
        piece = self._data[self.at : self.at + count]
        if count < 0 or len(piece) < count:
            raise ProtocolError("a message that ends too soon")
        self.at += count
        return piece

    def rest(self) -> bytes:
        return self.take(len(self._data) - self.at)

    def peek(self) -> int:
        """The next byte without taking it; -1 at the end."""
        return -1 if self.ended else self._data[self.at]

    def number(self, count: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(count), "little", signed=signed)

    def text(self, characters: int) -> str:
        return decode(self.take(2 * characters))

    def short_text(self) -> str:
        """B_VARCHAR: a one-byte count of characters."""
        return self.text(self.number(1))


def decode(data: bytes) -> str:
    """UTF-16LE; lone surrogates become U+FFFD, an odd byte at the end is a ProtocolError."""
    if len(data) % 2:
        raise ProtocolError("half a character")
    return data.decode("utf-16-le", "replace")

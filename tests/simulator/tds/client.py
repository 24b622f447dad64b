"""A client of a few lines that records its bytes, for tests that cut and twist them."""

from __future__ import annotations

import ssl
import struct
from collections.abc import Callable
from pathlib import Path

from simulator.tds.session import TdsSession, TlsContexts
from simulator.tds.tls import inner_context, strict_context
from simulator.tds.wire import Message, MessageReader, PacketType, packets
from tests.simulator.tds.builders import ADMIN, ADMIN_PASSWORD, DATABASE, SERVER, World
from tests.simulator.tds.served import Certificates

Send = Callable[[bytes], bytes]
ERROR, DONE = 0xAA, 0xFD
HEADERS = struct.pack("<IIHQI", 22, 18, 2, 0, 1)


def contexts(certificates: Certificates) -> TlsContexts:
    files = certificates.certificate, certificates.key
    return TlsContexts(inner_context(*files), strict_context(*files))


def a_session(world: World, tls: TlsContexts) -> TdsSession:
    return TdsSession(world, tls, client_address="127.0.0.1")


def prelogin(*, encryption: int = 1) -> bytes:
    head = struct.pack(">BHHBHHB", 0, 11, 6, 1, 17, 1, 0xFF)
    return packets(head + bytes(6) + bytes((encryption,)), kind=PacketType.PRELOGIN)


def login7(
    *, user: str = ADMIN, password: str = ADMIN_PASSWORD, database: str = DATABASE, server: str = SERVER, size: int = 0
) -> bytes:
    texts = {36: "host", 40: user, 44: password, 48: "program", 52: server, 60: "lib", 64: "", 68: database}
    head = bytearray(94)
    struct.pack_into("<II", head, 4, 0x74000004, size)
    data = b""
    for at, text in texts.items():
        raw = text.encode("utf-16-le")
        struct.pack_into("<HH", head, at, 94 + len(data), len(raw) // 2)
        data += bytes(((b << 4 & 0xF0) | b >> 4) ^ 0xA5 for b in raw) if at == 44 else raw
    struct.pack_into("<I", head, 0, 94 + len(data))
    return packets(bytes(head) + data, kind=PacketType.LOGIN)


def batch(sql: str, *, size: int = 4096) -> bytes:
    return packets(HEADERS + sql.encode("utf-16-le"), kind=PacketType.BATCH, size=size)


def request(kind: int, body: bytes, *, status: int = 0) -> bytes:
    framed = bytearray(packets(HEADERS + body, kind=kind))
    framed[1] |= status
    return bytes(framed)


def replies(data: bytes) -> list[Message]:
    reader = MessageReader()
    reader.feed(data)
    found = []
    while message := reader.next():
        found.append(message)
    assert reader.take_rest() == b"", "a reply that is not whole"
    return found


class Client:
    """Speaks through `send`, which takes the client's bytes and gives the server's."""

    def __init__(self, send: Send, ca: Path) -> None:
        self._send = send
        self.packet_sizes: list[int] = []  # of the last answer
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=str(ca))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        self._tls = context.wrap_bio(self._in, self._out, server_hostname="localhost")

    def open(self) -> bytes:
        """PRELOGIN and the handshake in packets; the answer to PRELOGIN."""
        answer = self._send(prelogin())
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._exchange_handshake()
            else:
                self._exchange_handshake()
                return answer

    def _exchange_handshake(self) -> None:
        if records := self._out.read():
            for message in replies(self._send(packets(records, kind=PacketType.PRELOGIN))):
                assert message.type == PacketType.PRELOGIN
                self._in.write(message.body)

    def ask(self, data: bytes) -> list[Message]:
        """Whatever the server answers to these (decrypted) packets by now."""
        self._tls.write(data)
        self._in.write(self._send(self._out.read()))
        plain = b""
        while True:
            try:
                piece = self._tls.read(65536)
            except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
                break
            if not piece:
                break
            plain += piece
        self.packet_sizes = sizes(plain)
        return replies(plain)


def sizes(data: bytes) -> list[int]:
    found = []
    while data:
        found.append(int.from_bytes(data[2:4], "big"))
        data = data[found[-1] :]
    return found


def signed_in(session: TdsSession, certificates: Certificates, **login: str | int) -> Client:
    client = Client(session.receive, certificates.ca)
    client.open()
    (greeting,) = client.ask(login7(**login))  # type: ignore[arg-type]
    assert greeting.body[-13] == DONE
    return client


def error_numbers(body: bytes) -> list[int]:
    """Numbers of the ERROR tokens of an answer that holds only ERROR and DONE."""
    numbers, at = [], 0
    while body[at] == ERROR:
        length, number = struct.unpack_from("<Hi", body, at + 1)
        numbers.append(number)
        at += 3 + length
    assert body[at] == DONE
    return numbers

"""One connection as a state machine: bytes in, bytes out. It owns no socket and no clock."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass

from simulator.tds import tokens
from simulator.tds.directory import Directory
from simulator.tds.engine import SqlSession, connect
from simulator.tds.errors import SqlError, login_failed
from simulator.tds.login import FEDERATED_AUTHENTICATION, Login, prelogin_answer, read_login, read_prelogin
from simulator.tds.requests import Requests
from simulator.tds.tls import TlsChannel
from simulator.tds.wire import (
    IGNORE,
    LARGEST_LOGIN,
    LARGEST_MESSAGE,
    LARGEST_PACKET,
    PACKET_BYTES,
    SMALLEST_PACKET,
    Message,
    MessageReader,
    PacketType,
    ProtocolError,
    packets,
)

CLIENT_HELLO = 0x16  # the first byte of TLS, hence of TDS 8.0


@dataclass(frozen=True, slots=True)
class TlsContexts:
    """`inner` for TLS inside TDS 7.4, `strict` for TDS 8.0."""

    inner: ssl.SSLContext
    strict: ssl.SSLContext


class TdsSession:
    """Feed it what arrives, send what it returns, and close once `closed` is set.

    Its way: first byte → PRELOGIN (→ handshake in packets → encrypted) → LOGIN7 → requests; or, for TDS 8.0,
    handshake → PRELOGIN → LOGIN7 → requests. Whatever breaks the protocol closes the connection.
    """

    def __init__(self, directory: Directory, contexts: TlsContexts, *, client_address: str) -> None:
        self._directory = directory
        self._contexts = contexts
        self._client_address = client_address
        self._reader = MessageReader(LARGEST_LOGIN)
        self._tls: TlsChannel | None = None
        self._step: Callable[[bytes], None] = self._first_bytes
        self._rule: Callable[[Message], bytes] = self._prelogin
        self._out: list[bytes] = []
        self._packet_size = PACKET_BYTES
        self._requests: Requests | None = None
        self._pending_packet_size = 0
        self.sql: SqlSession | None = None
        self.closed = False

    @property
    def signed_in(self) -> bool:
        return self.sql is not None

    def receive(self, data: bytes) -> bytes:
        """Bytes to send back, perhaps none. After `closed` nothing is read any more."""
        if not self.closed and data:
            try:
                self._step(data)
            except (ProtocolError, ssl.SSLError):
                self._flush_tls()
                self.close()
        sent, self._out = b"".join(self._out), []
        return sent

    def close(self) -> None:
        """Free the session; what it had begun is rolled back. Closing twice is harmless."""
        self.closed = True
        if self.sql:
            self.sql.close()

    def _first_bytes(self, data: bytes) -> None:
        if data[0] == CLIENT_HELLO:
            self._tls = TlsChannel(self._contexts.strict)
            self._go_on(self._strict_handshake, data)
        elif data[0] == PacketType.PRELOGIN:
            self._go_on(self._clear, data)
        else:
            raise ProtocolError("neither PRELOGIN nor TLS")

    def _go_on(self, step: Callable[[bytes], None], data: bytes) -> None:
        self._step = step
        if data and not self.closed:
            step(data)

    def _clear(self, data: bytes) -> None:
        """Before encryption only PRELOGIN is spoken."""
        self._reader.feed(data)
        if message := self._reader.next():
            self._answer(message)
            self._tls = TlsChannel(self._contexts.inner)
            self._go_on(self._framed_handshake, self._reader.take_rest())

    def _framed_handshake(self, data: bytes) -> None:
        """TLS records travel inside PRELOGIN packets, also the last of the server's."""
        assert self._tls
        self._reader.feed(data)
        finished = False
        while not finished and (message := self._reader.next()):
            if message.type != PacketType.PRELOGIN:
                raise ProtocolError("a handshake was expected")
            self._tls.feed(message.body)
            finished = self._handshake_step(self._tls)
        if finished:
            self._go_on_encrypted(self._reader.take_rest())

    def _handshake_step(self, tls: TlsChannel) -> bool:
        try:
            return tls.handshake()
        finally:
            if records := tls.outgoing():
                self._out.append(packets(records, kind=PacketType.PRELOGIN))

    def _strict_handshake(self, data: bytes) -> None:
        assert self._tls
        self._tls.feed(data)
        finished = self._tls.handshake()
        self._flush_tls()
        if finished:
            self._go_on_encrypted(b"")

    def _go_on_encrypted(self, rest: bytes) -> None:
        self._step = self._encrypted
        self._encrypted(rest)

    def _encrypted(self, data: bytes) -> None:
        assert self._tls
        self._tls.feed(data)
        self._reader.feed(self._tls.decrypted())
        while not self.closed and (message := self._reader.next()):
            self._answer(message)
        self._flush_tls()

    def _flush_tls(self) -> None:
        if self._tls and (records := self._tls.outgoing()):
            self._out.append(records)

    def _answer(self, message: Message) -> None:
        if message.status & IGNORE:
            return
        body = self._rule(message)
        number = self.sql.record.id if self.sql else 0
        framed = packets(body, kind=PacketType.REPLY, size=self._packet_size, session_id=number)
        if self._tls:
            self._tls.encrypt(framed)
        else:
            self._out.append(framed)
        self._packet_size = self._pending_packet_size or self._packet_size

    def _prelogin(self, message: Message) -> bytes:
        if message.type != PacketType.PRELOGIN:
            raise ProtocolError("PRELOGIN was expected")
        self._rule = self._login
        return prelogin_answer(read_prelogin(message.body), encrypted=self._tls is not None)

    def _login(self, message: Message) -> bytes:
        if message.type != PacketType.LOGIN:
            raise ProtocolError("LOGIN7 was expected")
        login = read_login(message.body)
        try:
            self.sql = self._sign_in(login)
        except SqlError as error:
            self.close()
            return _refusal(error)
        self._requests = Requests(self.sql)
        self._reader.largest = LARGEST_MESSAGE
        self._rule = self._request
        self._pending_packet_size = _packet_size(login)
        return _greeting(self.sql, login, self._pending_packet_size)

    def _sign_in(self, login: Login) -> SqlSession:
        token = login.token if login.wants_token else ""
        if login.integrated or (login.wants_token and not token):
            raise login_failed(login.user)
        return connect(
            self._directory,
            server=login.server,
            server_name_indication=self._tls.indicated_name if self._tls else "",
            database=login.database,
            user=login.user,
            password=login.password,
            token=token,
            client_address=self._client_address,
            host=login.host,
            program=login.program,
        )

    def _request(self, message: Message) -> bytes:
        assert self._requests
        body = self._requests.answer(message)
        if self._requests.ended:
            self.close()
        return body


def _packet_size(login: Login) -> int:
    """What the client asks for, within bounds; 0 leaves it to the server."""
    return min(max(login.packet_size or PACKET_BYTES, SMALLEST_PACKET), LARGEST_PACKET)


def _refusal(error: SqlError) -> bytes:
    errors = b"".join(tokens.error(each, server="") for each in (error, *error.followed_by))
    return errors + tokens.done(tokens.DONE, tokens.ERROR)


def _greeting(session: SqlSession, login: Login, packet_size: int) -> bytes:
    """In the order of Microsoft's own servers; 5701 and 5703 are sent on success only."""
    name = session.database.name
    return b"".join(
        (
            tokens.changed_text(tokens.DATABASE, name, "master"),
            tokens.information(5701, f"Changed database context to '{name}'.", server=session.server.name, state=2),
            tokens.changed(tokens.SQL_COLLATION, b"\x05" + tokens.COLLATION, b"\0"),
            tokens.changed_text(tokens.LANGUAGE, "us_english"),
            tokens.information(5703, "Changed language setting to us_english.", server=session.server.name),
            tokens.login_acknowledged(login.tds_version),
            tokens.changed_text(tokens.PACKET_SIZE, str(packet_size), str(PACKET_BYTES)),
            tokens.federated_acknowledged(FEDERATED_AUTHENTICATION) if login.wants_token else b"",
            tokens.done(tokens.DONE, 0),
        )
    )

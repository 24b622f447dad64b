"""The state machine without sockets: cut, twisted and hostile input."""

from __future__ import annotations

import random
import ssl
import struct
from collections.abc import Iterator

import pytest

from simulator.tds.session import TdsSession, TlsContexts
from simulator.tds.wire import PacketType, packets
from tests.simulator.tds.builders import SERVER, World, a_world
from tests.simulator.tds.client import (
    Client,
    a_session,
    batch,
    contexts,
    error_numbers,
    login7,
    prelogin,
    replies,
    request,
    signed_in,
)
from tests.simulator.tds.served import Certificates

ERROR = 0xAA


@pytest.fixture(scope="module")
def tls(certificates: Certificates) -> TlsContexts:
    return contexts(certificates)


@pytest.fixture
def world() -> World:
    return a_world()


@pytest.fixture
def session(world: World, tls: TlsContexts) -> Iterator[TdsSession]:
    made = a_session(world, tls)
    yield made
    made.close()


class Bytewise:
    """Hands every byte over alone."""

    def __init__(self, session: TdsSession) -> None:
        self._session = session

    def __call__(self, data: bytes) -> bytes:
        return b"".join(self._session.receive(data[at : at + 1]) for at in range(len(data)))


def test_one_byte_at_a_time_gives_the_same_answers(
    world: World, tls: TlsContexts, session: TdsSession, certificates: Certificates
) -> None:
    other = a_session(world, tls)
    slow = Client(Bytewise(other), certificates.ca)
    fast = Client(session.receive, certificates.ca)
    assert slow.open() == fast.open()
    for data in (login7(), batch("SELECT 1, N'zwei'"), batch("DROP USER nobody")):
        assert [m.body for m in slow.ask(data)] == [m.body for m in fast.ask(data)]


def test_every_cut_of_a_conversation_waits_quietly_for_the_rest(
    world: World, tls: TlsContexts, certificates: Certificates
) -> None:
    """No prefix of a right conversation is answered too soon, refused, or closed."""
    data = prelogin()
    for cut in range(len(data)):
        session = a_session(world, tls)
        assert session.receive(data[:cut]) == b""
        assert not session.closed
        assert session.receive(data[cut:])
    plain = login7()
    for cut in range(len(plain)):
        session = a_session(world, tls)
        client = Client(session.receive, certificates.ca)
        client.open()
        early = client.ask(plain[:cut]) if cut else []
        assert (early, session.closed) == ([], False)
        assert len(client.ask(plain[cut:])) == 1
        session.close()


def test_twisted_bytes_are_answered_or_end_the_connection(
    world: World, tls: TlsContexts, certificates: Certificates
) -> None:
    """Whatever bytes follow a sign-in, the core neither raises nor goes on after closing."""
    dice = random.Random(7)
    asked = [batch("SELECT name FROM sys.schemas"), request(PacketType.RPC, b"\xff\xff\x0a\x00\x00\x00" + bytes(9))]
    asked.append(request(PacketType.TRANSACTION, b"\x05\x00\x00\x00"))
    for turn in range(300):
        session = a_session(world, tls)
        client = signed_in(session, certificates)
        data = bytearray(asked[turn % len(asked)])
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        answered = client.ask(bytes(data))
        waiting = not answered and not session.closed
        assert answered or session.closed or _is_unfinished(bytes(data)), data.hex()
        if waiting:
            session.close()
        session.close()
    assert not list(world.sessions.of_database(f"{SERVER}:d-one"))


def test_twisted_logins_are_answered_or_end_the_connection(
    world: World, tls: TlsContexts, certificates: Certificates
) -> None:
    dice = random.Random(11)
    for _ in range(200):
        session = a_session(world, tls)
        client = Client(session.receive, certificates.ca)
        client.open()
        data = bytearray(login7())
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        assert client.ask(bytes(data)) or session.closed or _is_unfinished(bytes(data)), data.hex()
        session.close()
    assert not list(world.sessions.of_database(f"{SERVER}:d-one"))


def _is_unfinished(data: bytes) -> bool:
    """Whether a lone packet says that more will follow, or is to be discarded."""
    return int.from_bytes(data[2:4], "big") > len(data) or not data[1] & 1 or bool(data[1] & 2)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        packets(b"", kind=PacketType.LOGIN),
        packets(b"\x00\xff\xff\xff\xff\xff", kind=PacketType.PRELOGIN),
        packets(b"", kind=PacketType.PRELOGIN),
        b"\x12\x01\x00\x07\x00\x00\x00\x00",
        b"\x16\x03\x01\x00\x05hello",
        login7(),
    ],
)
def test_what_is_not_a_greeting_ends_the_connection(session: TdsSession, data: bytes) -> None:
    session.receive(data)
    assert session.closed
    assert session.receive(prelogin()) == b""


def test_tds_8_speaks_tls_first(session: TdsSession, certificates: Certificates) -> None:
    """Handed over byte by byte; the greeting and all else follow inside."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=str(certificates.ca))
    context.set_alpn_protocols(["tds/8.0"])
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    send = Bytewise(session)
    for _ in range(5):
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            incoming.write(send(outgoing.read()))
    incoming.write(send(outgoing.read()))
    assert (client.version(), client.selected_alpn_protocol()) == ("TLSv1.3", "tds/8.0")
    for data in (prelogin(), login7()):
        client.write(data)
        incoming.write(send(outgoing.read()))
        assert replies(client.read(65536))
    assert session.signed_in


def test_a_login_in_the_clear_is_not_read(session: TdsSession) -> None:
    session.receive(prelogin(encryption=2))
    session.receive(login7())
    assert (session.closed, session.sql) == (True, None)


@pytest.mark.parametrize(("asked", "answered"), [(0, 3), (1, 1), (2, 3), (3, 3)])
def test_encryption_is_required_whatever_is_asked(session: TdsSession, asked: int, answered: int) -> None:
    (reply,) = replies(session.receive(prelogin(encryption=asked)))
    options = {reply.body[at]: struct.unpack_from(">HH", reply.body, at + 1) for at in range(0, 25, 5)}
    offset, length = options[1]
    assert (reply.type, reply.body[offset : offset + length]) == (PacketType.REPLY, bytes((answered,)))


def test_a_refused_login_gets_its_errors_and_is_closed(session: TdsSession, certificates: Certificates) -> None:
    client = Client(session.receive, certificates.ca)
    client.open()
    (reply,) = client.ask(login7(database="d-none"))
    assert error_numbers(reply.body) == [4060, 18456]
    assert session.closed


def test_information_comes_on_success_only(session: TdsSession, certificates: Certificates) -> None:
    client = Client(session.receive, certificates.ca)
    client.open()
    (reply,) = client.ask(login7(password="wrong"))
    assert reply.body[0] == ERROR
    assert struct.pack("<i", 5701) not in reply.body


def test_replies_keep_to_the_negotiated_packet_size(session: TdsSession, certificates: Certificates) -> None:
    client = signed_in(session, certificates, size=512)
    (reply,) = client.ask(batch("SELECT N'" + "x" * 3000 + "'"))
    assert (len(reply.body) > 6000, max(client.packet_sizes)) == (True, 512)


def test_a_request_in_many_packets_is_one_request(session: TdsSession, certificates: Certificates) -> None:
    client = signed_in(session, certificates)
    (reply,) = client.ask(batch("SELECT N'" + "y" * 2000 + "'", size=512))
    assert reply.body[0] == 0x81

"""What a signed-in client may ask of the state machine: attention, reset, prepared handles, transactions."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from simulator.tds.login import read_login
from simulator.tds.session import TdsSession
from simulator.tds.wire import PacketType, packets
from tests.simulator.tds.builders import ADMIN, World, a_world
from tests.simulator.tds.client import (
    HEADERS,
    a_session,
    batch,
    contexts,
    error_numbers,
    login7,
    replies,
    request,
    signed_in,
)
from tests.simulator.tds.served import Certificates

DONE = 0xFD


@pytest.fixture
def world() -> World:
    return a_world()


@pytest.fixture
def session(world: World, certificates: Certificates) -> Iterator[TdsSession]:
    made = a_session(world, contexts(certificates))
    yield made
    made.close()


def test_attention_is_acknowledged_once(session: TdsSession, certificates: Certificates) -> None:
    client = signed_in(session, certificates)
    (reply,) = client.ask(packets(b"", kind=PacketType.ATTENTION))
    assert reply.body == bytes((DONE, 0x20, 0, 0, 0)) + bytes(8)
    both = client.ask(batch("SELECT 1") + packets(b"", kind=PacketType.ATTENTION))
    assert [message.body[0] for message in both] == [0x81, DONE]


def test_a_message_marked_to_be_ignored_is_not_run(session: TdsSession, certificates: Certificates) -> None:
    client = signed_in(session, certificates)
    ignored = bytearray(batch("CREATE ROLE ghost"))
    ignored[1] |= 0x02
    assert client.ask(bytes(ignored)) == []
    assert session.sql
    assert session.sql.principals.find("ghost") is None


def test_a_reset_rolls_back_and_says_so(session: TdsSession, certificates: Certificates) -> None:
    client = signed_in(session, certificates)
    client.ask(batch("BEGIN TRAN; CREATE ROLE ghost"))
    (reply,) = client.ask(request(PacketType.BATCH, "SELECT @@TRANCOUNT".encode("utf-16-le"), status=0x08))
    assert reply.body[:6] == b"\xe3\x03\x00\x12\x00\x00"
    assert session.sql
    assert session.sql.principals.find("ghost") is None


def test_an_unknown_handle_hears_8179(session: TdsSession, certificates: Certificates) -> None:
    client = signed_in(session, certificates)
    call = b"\xff\xff\x0c\x00\x00\x00" + b"\x00\x00\x26\x04\x04" + struct.pack("<i", 99)
    (reply,) = client.ask(request(PacketType.RPC, call))
    assert struct.unpack_from("<i", reply.body, 3)[0] == 8179


def test_an_unknown_procedure_hears_2812(session: TdsSession, certificates: Certificates) -> None:
    client = signed_in(session, certificates)
    name = "sp_datatype_info_100"
    call = struct.pack("<H", len(name)) + name.encode("utf-16-le") + b"\0\0"
    (reply,) = client.ask(request(PacketType.RPC, call))
    assert struct.unpack_from("<i", reply.body, 3)[0] == 2812


def test_a_transaction_ends_only_after_it_began(session: TdsSession, certificates: Certificates) -> None:
    client = signed_in(session, certificates)
    (reply,) = client.ask(request(PacketType.TRANSACTION, b"\x07\x00\x00\x00"))
    assert error_numbers(reply.body) == [3902]
    (reply,) = client.ask(request(PacketType.TRANSACTION, b"\x05\x00\x02\x00"))
    assert reply.body[3:5] == b"\x08\x08"
    (reply,) = client.ask(request(PacketType.TRANSACTION, b"\x08\x00\x00\x00"))
    assert reply.body[3:5] == b"\x0a\x00"


def test_a_killed_session_hears_596_and_is_closed(
    world: World, session: TdsSession, certificates: Certificates
) -> None:
    client = signed_in(session, certificates)
    assert session.sql
    world.sessions.kill(session.sql.record.id, database_id=session.sql.database.id)
    (reply,) = client.ask(batch("SELECT 1"))
    assert error_numbers(reply.body) == [596]
    assert session.closed


def test_a_password_is_in_no_repr(session: TdsSession, certificates: Certificates) -> None:
    (message,) = replies(login7(password="Very-Secret-1"))
    login = read_login(message.body)
    assert (login.user, login.password) == (ADMIN, "Very-Secret-1")
    assert "Very-Secret-1" not in repr(login)


def test_headers_that_are_longer_than_the_message_end_the_connection(
    session: TdsSession, certificates: Certificates
) -> None:
    client = signed_in(session, certificates)
    client.ask(packets(b"\xff\xff\xff\x7f" + HEADERS, kind=PacketType.BATCH))
    assert session.closed


def test_a_transaction_begun_and_ended_by_statements_is_told(session: TdsSession, certificates: Certificates) -> None:
    client = signed_in(session, certificates)
    told = [client.ask(batch(sql))[0].body[:4] for sql in ("BEGIN TRAN", "ROLLBACK", "BEGIN TRAN", "COMMIT")]
    assert [body[0] for body in told] == [0xE3] * 4
    assert [body[3] for body in told] == [8, 10, 8, 9]

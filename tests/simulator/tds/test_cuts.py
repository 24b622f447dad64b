"""A client that leaves in the middle of a packet, at each byte: of a greeting, a strict handshake, a statement."""

from __future__ import annotations

import socket
import ssl

import pytest

from simulator.tds.session import TlsContexts
from tests.simulator.tds.builders import a_world
from tests.simulator.tds.client import Client, a_session, batch, contexts, login7, prelogin, signed_in
from tests.simulator.tds.conftest import Served
from tests.simulator.tds.served import Certificates

STATEMENT = batch("SELECT 1, N'zwei'")


@pytest.fixture(scope="module")
def tls(certificates: Certificates) -> TlsContexts:
    return contexts(certificates)


def test_a_statement_cut_at_each_byte_waits_for_its_rest_and_runs_once(
    tls: TlsContexts, certificates: Certificates
) -> None:
    """Over one session, since a sign-in is the dear part."""
    session = a_session(a_world(), tls)
    client = signed_in(session, certificates)
    for cut in range(1, len(STATEMENT)):
        assert client.ask(STATEMENT[:cut]) == []
        assert len(client.ask(STATEMENT[cut:])) == 1
    session.close()


def test_a_session_that_ends_within_a_statement_leaves_nothing(tls: TlsContexts, certificates: Certificates) -> None:
    world = a_world()
    for cut in range(0, len(STATEMENT), 7):
        session = a_session(world, tls)
        client = signed_in(session, certificates)
        if cut:
            assert client.ask(STATEMENT[:cut]) == []
        session.close()
    assert signed_in(a_session(world, tls), certificates).ask(STATEMENT)


def strict_hello() -> bytes:
    """What a client of TDS 8.0 says first: TLS at once."""
    out = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.set_alpn_protocols(["tds/8.0"])
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


@pytest.mark.parametrize("opening", [prelogin(), strict_hello()], ids=["greeting", "strict handshake"])
def test_a_client_that_leaves_at_each_byte_of_its_opening_harms_nobody(sql: Served, opening: bytes) -> None:
    for cut in range(len(opening)):
        with socket.create_connection(("127.0.0.1", sql.port), timeout=10) as connection:
            connection.sendall(opening[:cut])
    with socket.create_connection(("127.0.0.1", sql.port), timeout=10) as connection:
        connection.sendall(prelogin())
        assert connection.recv(4096)


def test_a_login_cut_at_each_byte_within_its_tunnel_harms_nobody(tls: TlsContexts, certificates: Certificates) -> None:
    world, login = a_world(), login7()
    for cut in range(0, len(login), 5):
        session = a_session(world, tls)
        client = Client(session.receive, certificates.ca)
        client.open()
        if cut:
            assert client.ask(login[:cut]) == []
        session.close()
        assert session.closed

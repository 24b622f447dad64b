"""Sockets: who is hung up on, and when."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

from tests.simulator.tds.builders import DATABASE, SERVER, a_world
from tests.simulator.tds.client import Client, batch, login7, prelogin
from tests.simulator.tds.conftest import Served
from tests.simulator.tds.served import Certificates, served


def open_socket(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def client_over(connection: socket.socket, certificates: Certificates) -> Client:
    """Each question has one answer, which loopback delivers in one piece or the next."""

    def send(data: bytes) -> bytes:
        if not data:
            return b""
        connection.sendall(data)
        return connection.recv(65536)

    return Client(send, certificates.ca)


def test_who_does_not_sign_in_is_hung_up_on(certificates: Certificates) -> None:
    with served(a_world(), certificates, login_seconds=0.2) as port, open_socket(port) as connection:
        connection.sendall(prelogin()[:5])
        assert connection.recv(100) == b""


def test_what_is_no_tds_is_hung_up_on(sql: Served) -> None:
    with open_socket(sql.port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert connection.recv(100) == b""


def test_a_signed_in_client_may_stay_silent(certificates: Certificates) -> None:
    with served(a_world(), certificates, login_seconds=0.5) as port, open_socket(port) as connection:
        client = client_over(connection, certificates)
        client.open()
        assert client.ask(login7())
        with open_socket(port) as silent:
            assert silent.recv(100) == b""  # its deadline is later than the first one's would have been
        assert client.ask(batch("SELECT 1"))[0].body[0] == 0x81


def test_a_dropped_database_hangs_up_on_its_sessions(sql: Served) -> None:
    with open_socket(sql.port) as connection:
        client = client_over(connection, sql.certificates)
        client.open()
        assert client.ask(login7())
        sql.world.drop_database(SERVER, DATABASE)
        assert connection.recv(100) == b""


def test_many_clients_at_once(sql: Served) -> None:
    def sign_in(_: int) -> int:
        with open_socket(sql.port) as connection:
            client = client_over(connection, sql.certificates)
            client.open()
            client.ask(login7())
            return client.ask(batch("SELECT @@SPID"))[0].body[0]

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(sign_in, range(100))) == [0x81] * 100

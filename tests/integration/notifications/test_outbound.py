"""One call to a stranger's address is bounded, whatever the other side does."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from notifications import outbound
from notifications.addresses import Address
from notifications.outbound import NotReached, post
from simulator.certificates import Certificates
from tests.receiving import Webhook

SECONDS = 1.0


def call(port: int, *, host: str = "localhost", seconds: float = SECONDS):
    return post(Address(host, port, "/hook", is_local=True), "127.0.0.1", b"{}", {}, seconds=seconds)


@contextmanager
def a_peer(certificates: Certificates, talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Whoever connects over TLS is talked to, and then left."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener:
            raw, _ = listener.accept()
            try:
                with certificates.context().wrap_socket(raw, server_side=True) as peer:
                    talk(peer)
            except OSError:
                """The other side has hung up, as it should."""

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    thread.join(10)


def drip(text: bytes) -> Callable[[socket.socket], None]:
    """A byte now and then: each comes in time, all of them never do."""

    def talk(peer: socket.socket) -> None:
        for n in range(len(text)):
            peer.sendall(text[n : n + 1])
            time.sleep(0.05)

    return talk


def flood(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(100_000):
        peer.sendall(b"x" * 65536)


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    "text", [b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000, b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 9999]
)
def test_who_drips_is_left_in_time(text: bytes, certificates: Certificates):
    with a_peer(certificates, drip(text)) as port:
        began = time.monotonic()
        with pytest.raises(NotReached, match="in time"):
            call(port)
        assert time.monotonic() - began < 2 * SECONDS


@pytest.mark.usefixtures("trusted")
def test_of_an_endless_answer_a_little_is_read(certificates: Certificates):
    with a_peer(certificates, flood) as port:
        assert len(call(port).excerpt) <= 200


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    "text", [b"", b"hello\r\n\r\n", b"HTTP/1.1 99999 \r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"A" * 99999]
)
def test_what_is_no_answer_is_none(text: bytes, certificates: Certificates):
    with a_peer(certificates, lambda peer: peer.sendall(text)) as port, pytest.raises(NotReached):
        call(port)


def test_a_certificate_of_nobody_we_trust_is_refused(hook: Webhook, settings):
    settings.NOTIFY_CA_FILE = ""
    outbound.forget_authorities()
    with pytest.raises(NotReached, match="certificate"):
        call(hook.port)
    assert hook.calls == []


def test_a_certificate_for_another_name_is_refused(hook: Webhook):
    with pytest.raises(NotReached, match="certificate"):
        call(hook.port, host="hooks.example.com")
    assert hook.calls == []


def test_the_connection_goes_to_the_address_that_was_looked_at_under_the_name_that_was_given(hook: Webhook):
    call(hook.port)
    assert hook.calls[0].headers["host"] == f"localhost:{hook.port}"


def test_nobody_listens(certificates: Certificates):
    with pytest.raises(NotReached):
        call(9)

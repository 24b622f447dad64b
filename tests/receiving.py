"""Receivers on loopback: a webhook over TLS that remembers what came, and a mail server that keeps what it took."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from simulator.certificates import Certificates

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Call:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class Webhook:
    """What came, and how it answers."""

    calls: list[Call] = field(default_factory=list)
    answer: Callable[[Call], Answer] = lambda call: (204, {}, b"")
    port: int = 0

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        return [call.headers["webhook-id"] for call in self.calls]

    @property
    def kinds(self) -> list[str]:
        return [call.event["type"].split(".", 1)[1] for call in self.calls]


@contextmanager
def a_webhook(certificates: Certificates) -> Iterator[Webhook]:
    """A receiver on a free port of this machine, whose certificate is for localhost."""
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            call = Call(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            hook.calls.append(call)
            status, headers, said = hook.answer(call)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(said)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            """Tests say what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = certificates.context().wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    hook.port = server.server_address[1]
    with _serving(server):
        yield hook


@dataclass
class Mailbox:
    """What a mail server took; `refuses` holds addresses that it does not know."""

    messages: list[str] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    port: int = 0


@contextmanager
def a_mailbox() -> Iterator[Mailbox]:
    """A mail server of few words (RFC 5321) on a free port of this machine."""
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 localhost")
            while line := self.rfile.readline().decode().strip():
                verb = line.split(":")[0].split()[0].upper()
                self.take(verb, line)
                if verb == "QUIT":
                    return

        def take(self, verb: str, line: str) -> None:
            if verb == "DATA":
                self.say("354 go on")
                box.messages.append("".join(iter(lambda: self.rfile.readline().decode(), ".\r\n")))
            refused = verb == "RCPT" and any(address in line for address in box.refuses)
            self.say("550 no such user" if refused else "221 bye" if verb == "QUIT" else "250 fine")

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    box.port = server.server_address[1]
    with _serving(server):
        yield box


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

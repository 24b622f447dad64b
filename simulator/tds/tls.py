"""TLS without sockets: a memory channel, framed by TDS packets during the handshake of TDS 7.4, bare in TDS 8.0."""

from __future__ import annotations

import ssl
from pathlib import Path

LARGEST_READ = 65536


class IndicatedServer(ssl.SSLObject):
    """Remembers the server name that the client asked for."""

    indicated_name = ""


def _remember_name(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
    if isinstance(connection, IndicatedServer):
        connection.indicated_name = name or ""


def inner_context(certificate_file: Path, key_file: Path) -> ssl.SSLContext:
    """For TLS inside TDS 7.4: at most TLS 1.2, because Microsoft's driver breaks on 1.3 there (measured)."""
    context = _context(certificate_file, key_file)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def strict_context(certificate_file: Path, key_file: Path) -> ssl.SSLContext:
    """For TDS 8.0, where TLS comes first."""
    context = _context(certificate_file, key_file)
    context.set_alpn_protocols(["tds/8.0"])
    return context


def _context(certificate_file: Path, key_file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate_file, key_file)
    context.sslobject_class = IndicatedServer
    context.sni_callback = _remember_name
    return context


class TlsChannel:
    """One TLS connection as a filter. Errors are ssl.SSLError; `outgoing` then still holds the alert."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._connection = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    @property
    def indicated_name(self) -> str:
        """The server name of the client's hello; empty without one."""
        return getattr(self._connection, "indicated_name", "")

    def feed(self, data: bytes) -> None:
        self._incoming.write(data)

    def outgoing(self) -> bytes:
        """Records to be sent."""
        return self._outgoing.read()

    def handshake(self) -> bool:
        """Go on with the handshake; True when it is done."""
        try:
            self._connection.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def decrypted(self) -> bytes:
        """Everything that can be read by now. Raises ssl.SSLZeroReturnError when the client has said goodbye."""
        pieces: list[bytes] = []
        while True:
            try:
                piece = self._connection.read(LARGEST_READ)
            except ssl.SSLWantReadError:
                return b"".join(pieces)
            if not piece:
                raise ssl.SSLZeroReturnError("closed by the client")
            pieces.append(piece)

    def encrypt(self, data: bytes) -> None:
        if data:
            self._connection.write(data)

"""Sockets around the state machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

from simulator.tds.directory import Directory
from simulator.tds.session import TdsSession, TlsContexts
from simulator.tds.tls import inner_context, strict_context

LOGIN_SECONDS = 30.0


async def serve(
    directory: Directory,
    certificate_file: Path,
    key_file: Path,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    login_seconds: float = LOGIN_SECONDS,
) -> asyncio.Server:
    """Listen for TDS 7.4 and 8.0 on one port (0: a free one, see `server.sockets`) until the server is closed.

    Who has not signed in `login_seconds` (real seconds) after connecting is disconnected.
    """
    contexts = TlsContexts(inner_context(certificate_file, key_file), strict_context(certificate_file, key_file))
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Connection(directory, contexts, login_seconds), host, port)


class _Connection(asyncio.Protocol):
    def __init__(self, directory: Directory, contexts: TlsContexts, login_seconds: float) -> None:
        self._directory = directory
        self._contexts = contexts
        self._login_seconds = login_seconds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        address = str(transport.get_extra_info("peername")[0])
        self._session = TdsSession(self._directory, self._contexts, client_address=address)
        self._deadline = self._loop.call_later(self._login_seconds, self._end_slow_login)

    def data_received(self, data: bytes) -> None:
        answer = self._session.receive(data)
        if self._session.sql:  # before the client can know of it
            self._deadline.cancel()
            self._session.sql.record.hang_up = self._hang_up
        self._transport.write(answer)
        if self._session.closed:
            self._transport.close()

    def _hang_up(self) -> None:
        """A session may be killed from any thread."""
        self._loop.call_soon_threadsafe(self._transport.close)

    def pause_writing(self) -> None:
        """Who does not read its answers is not asked for more questions."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self._deadline.cancel()
        self._session.close()

    def _end_slow_login(self) -> None:
        self._session.close()
        self._transport.close()

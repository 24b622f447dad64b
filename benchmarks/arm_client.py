"""A small HTTPS client for load: keep-alive connections of one event loop, answers read whole and timed."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float


class Connection:
    """One TLS connection; requests wait for each other."""

    def __init__(self, base_url: str, ca_file: str, token: str) -> None:
        split = urlsplit(base_url)
        self._host, self._port = split.hostname or "localhost", split.port or 443
        self._tls = ssl.create_default_context(cafile=ca_file)
        self._authorization = f"authorization: Bearer {token}\r\n"

    async def __aenter__(self) -> Connection:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls, limit=2**24)
        return self

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._writer.close()

    async def ask(self, method: str, url: str, body: bytes = b"", *, since: float | None = None) -> Answer:
        """One exchange. `since` is when it was due (monotonic seconds), so that waiting in a queue counts."""
        began = time.perf_counter() if since is None else since
        split = urlsplit(url)
        target = f"{split.path}?{split.query}" if split.query else split.path
        kind = "content-type: application/json\r\n" if body else ""
        head = f"{method} {target} HTTP/1.1\r\nhost: {self._host}:{self._port}\r\n{self._authorization}{kind}"
        self._writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        raw = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = raw.rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        content = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(first.split(" ")[1]), headers, content, time.perf_counter() - began)

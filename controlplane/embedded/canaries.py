"""Workers that live and do nothing: found by their overdue canary, which each writes to PostgreSQL."""

from __future__ import annotations

import socket
import time

import psycopg

from controlplane.env import env_float, env_secret

LOOK_EVERY_SECONDS = 2.0
# Deleted, so that the replacement begins with a clean slate; who never was there is waited for.
OVERDUE = """
DELETE FROM operations_heartbeat
WHERE kind = 'worker' AND finished_at < clock_timestamp() - %s * interval '1 second' RETURNING name
"""


class Canaries:
    """Looks every few seconds at most; sees nothing while PostgreSQL is away, since then no canary could be written."""

    def __init__(self) -> None:
        self._looked_at = 0.0
        self._late_seconds = env_float("CANARY_LATE_SECONDS", 90.0)

    def overdue(self, environment: dict[str, str]) -> list[str]:
        """Names of worker groups on this host whose worker finished nothing for too long."""
        if time.monotonic() - self._looked_at < LOOK_EVERY_SECONDS:
            return []
        self._looked_at = time.monotonic()
        try:
            return [
                name.partition("@")[0] for name in self._ask(environment) if name.endswith(f"@{socket.gethostname()}")
            ]
        except psycopg.OperationalError:
            return []

    def _ask(self, environment: dict[str, str]) -> list[str]:
        url = _url(environment)
        with psycopg.connect(url, connect_timeout=2, options="-c statement_timeout=2000") as connection:
            return [row[0] for row in connection.execute(OVERDUE, (self._late_seconds,)).fetchall()]


def _url(environment: dict[str, str]) -> str:
    path = environment.get("DATABASE_URL_FILE")
    if path:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    return env_secret("DATABASE_URL").reveal()

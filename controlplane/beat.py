"""A beat that may run many times over: only the holder of a PostgreSQL advisory lock sends anything."""

from __future__ import annotations

import contextlib
import math
import time
from typing import Any

import psycopg
import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django_celery_beat.schedulers import DatabaseScheduler

from controlplane import heartbeats

log = structlog.get_logger(__name__)

LEADER_LOCK = 5_281_904_113  # any number that no other part of the product locks
FOLLOWER_WAITS_SECONDS = 1.0


class Leadership:
    """A session lock on a connection of its own; the lock ends with that session, however it ends.

    A connection pooler in transaction mode would break it: DATABASE_URL of beat must reach PostgreSQL directly.
    """

    def __init__(self) -> None:
        self._connection: psycopg.Connection | None = None

    def held(self) -> bool:
        """True while this process leads; asks the server each time, and applies for the lock where it is free."""
        try:
            return self._ask()
        except psycopg.OperationalError:
            log.warning("beat.leader_connection_lost", exc_info=True)
            self.resign()
            return False

    def resign(self) -> None:
        """Let another beat lead, from when this returns; harmless for a follower.

        The lock is given back by word: a server that is only hung up on ends the session some moments later.
        """
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with contextlib.suppress(psycopg.OperationalError), connection:
            connection.execute("SELECT pg_advisory_unlock_all()")

    def _ask(self) -> bool:
        if self._connection is None:
            self._connection = self._connect()
        held = self._connection.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted"
            " AND objsubid = 1 AND (classid::bigint << 32) + objid::bigint = %(lock)s)",
            {"lock": LEADER_LOCK},
        ).fetchone()
        if held == (True,):
            return True
        return self._connection.execute("SELECT pg_try_advisory_lock(%s)", (LEADER_LOCK,)).fetchone() == (True,)

    def _connect(self) -> psycopg.Connection:
        database = settings.DATABASES["default"]
        names = {"host": "HOST", "port": "PORT", "dbname": "NAME", "user": "USER", "password": "PASSWORD"}
        address = {ours: str(database[theirs]) for ours, theirs in names.items()}
        # `options` are replaced below; the threshold is a word of the client, not of a connection string.
        words = database["OPTIONS"].items()
        options = {name: value for name, value in words if name not in ("options", "prepare_threshold")}
        # A peer that vanished without a word is noticed within seconds, on our side and on the server's.
        alive = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
        server = (
            "-c statement_timeout=5000 -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"
        )
        parameters = psycopg.conninfo.make_conninfo("", **{**options, **address, **alive})
        return psycopg.connect(parameters, autocommit=True, options=server, application_name="beat leader")


class LeaderScheduler(DatabaseScheduler):
    """The schedule in the database, sent by one beat of many. A missed or doubled tick must be harmless."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._leadership = Leadership()
        self._leading: bool | None = None  # not known yet
        self._shown_at = -math.inf
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due, as leader; else look again soon. Answers the seconds to the next call."""
        leading = self._leadership.held()
        if leading != self._leading:
            self._change_to(leading)
        if not leading:
            return FOLLOWER_WAITS_SECONDS
        waits = float(super().tick(*args, **kwargs))
        self._show_life()
        return waits

    def _show_life(self) -> None:
        """Write down, every few seconds, that a tick came to its end."""
        if time.monotonic() - self._shown_at < settings.CANARY_SECONDS:
            return
        self._shown_at = time.monotonic()
        try:
            heartbeats.note_beat()
        except DatabaseError:
            close_old_connections()
            log.warning("beat.heartbeat_not_written", exc_info=True)

    def close(self) -> None:
        """Save what was sent, then let another lead."""
        super().close()
        self._leadership.resign()

    def _change_to(self, leading: bool) -> None:
        """Read the schedule anew: another leader has sent tasks since we last looked, or will."""
        log.info("beat.leading" if leading else "beat.following")
        self._leading = leading
        self._dirty.clear()
        self._initial_read = True
        self._heap = None

"""How often somebody may call in a period, held for all web processes together: PostgreSQL counts, each process takes
calls from it a few at a time.

Never more than the limit is handed out in one period. What a process took and nobody used there is lost to the others;
it takes fewer the less is left, and one by one at the end.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from django.db import connection

BATCHES = 50  # a process takes at most this part of the limit at once,
LARGEST_BATCH = 25  # and not more than these
KEPT = 10_000  # callers that a process remembers before it drops those whose period is over

TAKE = """
INSERT INTO operations_callrate AS kept (caller, ends_at, taken, granted)
VALUES (%(caller)s, statement_timestamp() + %(seconds)s * interval '1 second', %(batch)s, %(batch)s)
ON CONFLICT (caller) DO UPDATE SET (ends_at, taken, granted) = (
    SELECT CASE WHEN is_over THEN excluded.ends_at ELSE kept.ends_at END,
           CASE WHEN is_over THEN excluded.taken ELSE kept.taken + more END,
           CASE WHEN is_over THEN excluded.granted ELSE more END
    FROM (SELECT kept.ends_at <= statement_timestamp() AS is_over,
                 least(%(batch)s, greatest(ceil((%(limit)s - kept.taken) / 4.0), 0))::int AS more) period)
RETURNING granted, extract(epoch FROM ends_at - statement_timestamp())::float8
"""
FORGET = "DELETE FROM operations_callrate WHERE ends_at < statement_timestamp()"


@dataclass(slots=True)
class _Share:
    """Calls in hand until `ends` (monotonic seconds). Once nothing more was to be had, it stays empty until then."""

    left: int
    ends: float
    refused: bool


class Shares:
    """What one process has in hand. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, _Share] = {}

    def take(self, caller: str, *, limit: int, seconds: float) -> float:
        """0: go, one call is counted. Else the seconds until the period is over. `limit` calls in `seconds`."""
        while (wait := self._from_hand(caller)) is None:
            self._fetch(caller, limit=limit, seconds=seconds)
        return wait

    def _from_hand(self, caller: str) -> float | None:
        """As `take`; None when PostgreSQL must be asked."""
        now = time.monotonic()
        with self._lock:
            share = self._held.get(caller)
            if share is None or share.ends <= now:
                return None
            if share.left:
                share.left -= 1
                return 0.0
            return share.ends - now if share.refused else None

    def _fetch(self, caller: str, *, limit: int, seconds: float) -> None:
        with connection.cursor() as cursor:
            batch = max(1, min(limit // BATCHES, LARGEST_BATCH))
            cursor.execute(TAKE, {"caller": caller, "seconds": seconds, "batch": batch, "limit": limit})
            granted, left_seconds = cursor.fetchone()
        now = time.monotonic()
        with self._lock:
            if len(self._held) >= KEPT:
                self._held = {name: share for name, share in self._held.items() if share.ends > now}
            known = self._held.get(caller)
            in_hand = known.left if known and known.ends > now else 0
            self._held[caller] = _Share(in_hand + granted, now + left_seconds, refused=not granted)

    def forget(self) -> None:
        """Begin anew, as another process would."""
        with self._lock:
            self._held.clear()


shares = Shares()


def forget_over() -> None:
    """Drop the counts of periods that are over."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET)

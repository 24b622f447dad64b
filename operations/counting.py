"""Counts that live in worker processes, brought to PostgreSQL now and then, so that one look there tells of all of them.

A killed process takes the counts of its last seconds with it: they are for watching, nothing is decided by them.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter

from django.conf import settings
from django.db import connection

WAIT_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, float("inf"))
"""Upper bounds, in seconds, by which waits are counted."""

ADD = """
INSERT INTO operations_counter AS kept (name, value)
SELECT * FROM unnest(%s::text[], %s::float8[]) AS new(name, value) ORDER BY name
ON CONFLICT (name) DO UPDATE SET value = kept.value + excluded.value
"""

_counts: Counter[str] = Counter()
_seconds: Counter[str] = Counter()
_lock = threading.Lock()
_brought_at = 0.0


def count(name: str, amount: int = 1) -> None:
    """So many more of these."""
    if amount:
        with _lock:
            _counts[name] += amount


def waited(seconds: float) -> None:
    """A row was due for so long before a worker took it."""
    bound = WAIT_BOUNDS[bisect_left(WAIT_BOUNDS, seconds)]
    with _lock:
        _counts[f"claim_wait:{bound}"] += 1
        _seconds["claim_wait_seconds"] += max(seconds, 0.0)  # type: ignore[assignment]  # floats add up as well


def bring_in(*, now: bool = False) -> None:
    """Add what was counted here to PostgreSQL, unless that was done a moment ago. Call it outside a transaction."""
    global _brought_at
    with _lock:
        if not _counts or (not now and time.monotonic() - _brought_at < settings.COUNTS_EVERY_SECONDS):
            return
        _brought_at = time.monotonic()
        new = {**_counts, **_seconds}
        _counts.clear()
        _seconds.clear()
    with connection.cursor() as cursor:
        cursor.execute(ADD, [list(new), [float(value) for value in new.values()]])


def totals() -> dict[str, float]:
    """Everything counted so far, by name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, value FROM operations_counter")
        return dict(cursor.fetchall())

"""How delivery is going, in a few numbers: one question, nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

ASKED = """
SELECT (SELECT count(*) FROM operations_outboxevent WHERE delivered_at IS NULL),
       (SELECT coalesce(extract(epoch FROM operations_now() - min(created_at)), 0)::float8
        FROM operations_outboxevent WHERE delivered_at IS NULL),
       (SELECT count(*) FROM notifications_delivery WHERE state = 'pending'),
       (SELECT coalesce(extract(epoch FROM operations_now() - min(created_at)), 0)::float8
        FROM notifications_delivery WHERE state = 'pending'),
       (SELECT count(*) FROM notifications_delivery WHERE state = 'dead'),
       (SELECT count(*) FROM notifications_receiver WHERE state = 'active' AND failures > 0)
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts, and ages in seconds of the oldest. `outbox`: not handed out yet; `undelivered`: on its way to a receiver."""

    outbox: int
    outbox_age: float
    undelivered: int
    undelivered_age: float
    dead_letters: int
    receivers_failing: int


def figures() -> Figures:
    with connection.cursor() as cursor:
        cursor.execute(ASKED)
        return Figures(*cursor.fetchone())

"""Who is alive: rows that workers and beat write when they have just done something, and what their age means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from operations.models import Heartbeat

BEAT = "beat"

NOTE = """
INSERT INTO operations_heartbeat (name, kind, queues, started_at, finished_at)
VALUES (%s, %s, to_jsonb(%s::text[]), clock_timestamp(), clock_timestamp())
ON CONFLICT (name) DO UPDATE SET finished_at = clock_timestamp(), queues = excluded.queues
"""
AGES = """
SELECT name, kind, ARRAY(SELECT jsonb_array_elements_text(queues)),
       extract(epoch FROM clock_timestamp() - finished_at)::float8
FROM operations_heartbeat
"""
FORGET = """
DELETE FROM operations_heartbeat gone
WHERE finished_at < clock_timestamp() - interval '1 hour'
    AND (finished_at < clock_timestamp() - interval '1 day'
         OR EXISTS (SELECT FROM operations_heartbeat other WHERE other.name <> gone.name AND other.queues = gone.queues
                    AND other.started_at > gone.finished_at))
"""


@dataclass(frozen=True, slots=True)
class Life:
    """Seconds since a worker finished its canary or beat ticked."""

    name: str
    kind: str
    queues: frozenset[str]
    age_seconds: float

    @property
    def late(self) -> bool:
        """Older than anything a healthy one needs."""
        limit = settings.BEAT_LATE_SECONDS if self.kind == Heartbeat.Kind.BEAT else settings.CANARY_LATE_SECONDS
        return self.age_seconds > limit


def note_worker(name: str, queues: Sequence[str]) -> None:
    """This worker has just finished a task."""
    _note(name, Heartbeat.Kind.WORKER, queues)


def note_beat() -> None:
    """Beat has just ticked, as leader."""
    _note(BEAT, Heartbeat.Kind.BEAT, ())


def forget_worker(name: str) -> None:
    """It has ended as it should, and is not missing."""
    Heartbeat.objects.filter(name=name).delete()


def forget_gone() -> None:
    """Drop those that nobody has heard of for an hour and that another has replaced since; after a day, all. One that is
    stuck beside older ones is missed until then."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET)


def lives() -> list[Life]:
    """Everybody, as PostgreSQL's clock sees them."""
    with connection.cursor() as cursor:
        cursor.execute(AGES)
        rows = cursor.fetchall()
    return [Life(name, kind, frozenset(queues), age) for name, kind, queues, age in rows]


def unread_queues(everybody: Sequence[Life]) -> list[str]:
    """Queues for which no worker has proved itself lately."""
    read = {queue for life in everybody if not life.late for queue in life.queues}
    return [queue for queue in settings.QUEUES if queue not in read]


def _note(name: str, kind: str, queues: Sequence[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [name, kind, list(queues)])

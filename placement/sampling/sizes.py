"""How much databases hold, from the samples of the last two hours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Max

from placement.models import Meter

WINDOW = timedelta(hours=2)  # each database is looked at once an hour
SIZES = """
SELECT m.resource, max(s.slot), max(s.bytes)
FROM placement_sample s JOIN placement_meter m ON m.id = s.meter_id
WHERE m.kind = 'database' AND m.ended_at IS NULL AND s.bytes IS NOT NULL AND s.slot >= %s
GROUP BY m.resource
"""


@dataclass(frozen=True, slots=True)
class RecentSize:
    """The most that a database held in the last two hours, and when that was last measured (UTC)."""

    at: datetime
    size: int


def recent_sizes() -> dict[UUID, RecentSize]:
    """By database. One that was not sampled of late is left out."""
    newest = Meter.objects.filter(ended_at__isnull=True).aggregate(newest=Max("sampled_until"))["newest"]
    if newest is None:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(SIZES, [newest - WINDOW])
        return {resource: RecentSize(at, int(size)) for resource, at, size in cursor.fetchall()}

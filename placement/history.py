"""What a pool or database used lately, hour by hour, from its samples."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from placement.models import Meter
from placement.sampling.slots import SLOTS_AN_HOUR, slot_of, start_of

HOUR = timedelta(hours=1)
HOURS = """
SELECT date_trunc('hour', slot), avg(vcores), max(vcores) FROM placement_sample
WHERE meter_id = %s AND slot >= %s AND slot < %s AND vcores IS NOT NULL GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour by Azure's clock (UTC): vCores on average and at most in five minutes; None where no point was had."""

    at: datetime
    mean: float | None
    most: float | None


def lately(resource: UUID, *, days: int = 7) -> list[Hour]:
    """The last days that were sampled, oldest first, every hour of them since its first point; nothing where none was."""
    meter = Meter.objects.filter(resource=resource, first_at__isnull=False).first()
    if meter is None or meter.first_at is None:
        return []
    until = meter.sampled_until
    first = slot_of(max(until - timedelta(days=days), meter.first_at))
    since = start_of(first - first % SLOTS_AN_HOUR)
    with connection.cursor() as cursor:
        cursor.execute(HOURS, [meter.pk, since, until])
        found = {at: (mean, most) for at, mean, most in cursor.fetchall()}
    count = -(-(until - since) // HOUR)
    return [Hour(at, *found.get(at, (None, None))) for at in (since + number * HOUR for number in range(count))]

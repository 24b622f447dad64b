"""A partition a day: made before its samples come, dropped whole when they are old."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Max

from placement.models import Meter
from placement.sampling.slots import CATCH_UP_SLOTS, SLOT_SECONDS

AHEAD = timedelta(days=1)
BEHIND = timedelta(seconds=CATCH_UP_SLOTS * SLOT_SECONDS)


def ensure(now: datetime) -> int:
    """Partitions for tomorrow and for all that may be caught up. Returns how many were made."""
    first, last = (now - BEHIND).date(), (now + AHEAD).date()
    with connection.cursor() as cursor:
        cursor.execute("SELECT ensure_sample_partitions(%s, %s)", [first, last])
        return int(cursor.fetchone()[0])


def drop_old() -> int:
    """Drop days before the newest sample by more than SAMPLES_KEPT_DAYS. Returns how many."""
    newest = Meter.objects.aggregate(newest=Max("sampled_until"))["newest"]
    if newest is None:
        return 0
    before = (newest - timedelta(days=settings.SAMPLES_KEPT_DAYS)).date()
    with connection.cursor() as cursor:
        cursor.execute("SELECT drop_sample_partitions(%s)", [before])
        return int(cursor.fetchone()[0])

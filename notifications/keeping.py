"""How long we remember what was told."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from notifications.models import Delivery, Notice
from operations.clock import DatabaseNow
from operations.models import OutboxEvent

LARGEST_BATCH = 5000


def forget_old() -> int:
    """Remove events that were handed out long ago, with their notices and deliveries; not what is still on its way, nor dead
    letters. Returns how many events went."""
    before = DatabaseNow() - timedelta(days=settings.NOTIFY_KEPT_DAYS)
    kept = Delivery.objects.exclude(state=Delivery.State.DELIVERED).values("event_id")
    old = OutboxEvent.objects.filter(delivered_at__lt=before).exclude(pk__in=kept).order_by("sequence")
    ids = list(old.values_list("pk", flat=True)[:LARGEST_BATCH])
    Notice.objects.filter(event_id__in=ids).delete()
    Delivery.objects.filter(event_id__in=ids).delete()
    return OutboxEvent.objects.filter(pk__in=ids).delete()[0]

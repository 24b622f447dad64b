"""Thin: a message says "look now", the row decides."""

from __future__ import annotations

from celery import shared_task
from django.db import connection

from operations import counting, engine
from operations.clock import DatabaseNow
from operations.models import IdempotencyKey


@shared_task(ignore_result=True)
def advance_operation(operation_id: str) -> None:
    """Somebody rang for this operation: work on what is due, everybody in turn, so that ten thousand calls from one
    workspace are no queue for another's. The id is for whoever reads the broker."""
    engine.advance_due()
    counting.bring_in()


@shared_task(ignore_result=True)
def advance_due() -> None:
    """Work on whatever is due. Sent by beat every few seconds, and by whoever made something due."""
    engine.advance_due()
    counting.bring_in()


@shared_task(ignore_result=True)
def make_partitions() -> None:
    """Have the month partitions of the coming quarter ready."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ensure_month_partitions(3)")


@shared_task(ignore_result=True)
def forget_answers() -> None:
    """Remove the answers of idempotency keys that have expired."""
    IdempotencyKey.objects.filter(created_at__lte=DatabaseNow() - IdempotencyKey.KEPT).delete()

"""Thin: a message says "look now", the row decides."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.db import connection

from operations import engine


@shared_task(ignore_result=True)
def advance_operation(operation_id: str) -> None:
    """Wake one operation. Harmless if lost or doubled."""
    engine.advance(UUID(operation_id))


@shared_task(ignore_result=True)
def advance_due() -> None:
    """Work on whatever is due. Sent by beat every few seconds, and by whoever made something due."""
    engine.advance_due()


@shared_task(ignore_result=True)
def make_partitions() -> None:
    """Have the month partitions of the coming quarter ready."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ensure_month_partitions(3)")

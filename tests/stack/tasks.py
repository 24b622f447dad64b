"""A task for real workers in tests."""

from celery import shared_task
from django.db import connection


@shared_task
def note_backend() -> None:
    """Write down which PostgreSQL backend served this task."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO noted_backends VALUES (pg_backend_pid())")

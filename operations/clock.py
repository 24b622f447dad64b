"""Two clocks. The real one belongs to PostgreSQL and drives leases; the business one drives expiry, grace and windows.

Both have an offset kept in `operations_clock`; only the owner's role may change it, so that production cannot.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, models


class DatabaseNow(models.Func):
    """The real clock inside a query: `operations_now()`, never a worker's own clock."""

    function = "operations_now"
    template = "%(function)s()"
    output_field = models.DateTimeField()


def now() -> datetime:
    """The business clock (aware, UTC)."""
    return _ask("SELECT business_now()")


def database_now() -> datetime:
    """The real clock as leases see it (aware, UTC)."""
    return _ask("SELECT operations_now()")


def advance(by: timedelta, *, business: bool = False) -> None:
    """Move one clock forward. For tests and the demo: the application role has no right to do so."""
    column = "business_offset" if business else "lease_offset"
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE operations_clock SET {column} = {column} + make_interval(secs => %s)", [by.total_seconds()]
        )


def _ask(sql: str) -> datetime:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        moment: datetime = cursor.fetchone()[0]
    return moment

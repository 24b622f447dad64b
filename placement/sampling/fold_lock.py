"""Samples come in together, and never while an hour is being folded: so each is folded once."""

from __future__ import annotations

from django.db import connection

from placement.models import FoldMark
from placement.sampling.slots import slot_of

KEY = 0x5A3F


def shared() -> int:
    """For the rest of the transaction no fold begins; slots before the one returned were folded already."""
    _take("pg_advisory_xact_lock_shared")
    mark = FoldMark.objects.first()
    return slot_of(mark.until) if mark else 0


def exclusive() -> None:
    """For the rest of the transaction no sample comes in."""
    _take("pg_advisory_xact_lock")


def _take(function: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [KEY])

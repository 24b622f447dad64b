"""What Azure keeps of a service's data, by our own rows: the database itself, and those that it has replaced.

Azure keeps backups of a live database for its retention time, and of a dropped one for that time after it was dropped; they
can be restored on the same server only (Microsoft's "Restore a database from a backup in Azure SQL Database").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloud.protocols import Origin
from inventory.models import Database
from inventory.states import Status
from provisioning.errors import PointInTimeOutOfRange, RestoreWindowPassed


@dataclass(frozen=True, slots=True)
class Source:
    """Backups of one Azure database, restorable to any moment from `first` to `last` (UTC)."""

    database: Database
    origin: Origin
    first: datetime
    last: datetime


def source_for(database: Database, moment: datetime | None, now: datetime) -> Source:
    """The backups to restore from; without a moment, those of a deleted database as it was at its end.

    Raises RestoreWindowPassed, PointInTimeOutOfRange.
    """
    known = list(sources_of(database, now))
    if database.status == Status.DELETED and not known:
        raise RestoreWindowPassed(why_passed(database))
    if moment is None:
        return known[0]
    for source in known:
        if source.first <= moment <= source.last:
            return source
    spans = " or ".join(f"from {one.first:%Y-%m-%dT%H:%M:%SZ} to {one.last:%Y-%m-%dT%H:%M:%SZ}" for one in known)
    raise PointInTimeOutOfRange(f"It can be restored to a moment {spans}.")


def sources_of(database: Database, now: datetime) -> Iterator[Source]:
    """Its own backups first, then those of databases that it has replaced, newest first."""
    if database.status == Status.DELETED:
        yield from _dropped(database, now)
    else:
        yield Source(database, Origin.MOMENT, _first(database, now), now)
    replaced = database.stand_ins.filter(status=Status.DELETED, ready_at__isnull=False).order_by("-deleted_at")
    for one in replaced.select_related("server"):
        yield from _dropped(one, now)


def _dropped(database: Database, now: datetime) -> Iterator[Source]:
    if database.restorable_until is None or database.deleted_at is None or database.restorable_until <= now:
        return
    yield Source(database, Origin.DROPPED, _first(database, database.deleted_at), database.deleted_at)


def _first(database: Database, end: datetime) -> datetime:
    """Azure's first backup may be some minutes younger; the workflow asks Azure before it begins. Backups from before a
    conversion are of another tier, to which nothing is restored here."""
    began = database.converted_at or database.ready_at or database.created_at
    return max(began, end - timedelta(days=database.retention_days))


def why_passed(database: Database) -> str:
    """Why a deleted service cannot come back, with the dates."""
    if database.restorable_until is None or database.deleted_at is None:
        return "It was deleted before there was anything in Azure to restore."
    forgotten = database.forgotten_at
    return (
        f"It was deleted at {database.deleted_at:%Y-%m-%dT%H:%M:%SZ} and could be restored until "
        f"{database.restorable_until:%Y-%m-%dT%H:%M:%SZ}."
        + (f" Its secrets were deleted at {forgotten:%Y-%m-%dT%H:%M:%SZ}." if forgotten else "")
    )

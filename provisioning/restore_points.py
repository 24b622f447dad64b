"""Whether Azure has the backup that a restore needs: asked before anything begins, refused with Azure's own dates."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from cloud import factory
from cloud.errors import Missing
from cloud.protocols import DroppedDatabase, Origin, ServerRef
from inventory.models import Database
from inventory.states import Status
from operations import clock
from operations.models import Operation
from operations.outcomes import StepError
from provisioning.targets import reference, server_row_of

LISTING_LAGS = timedelta(minutes=30)


def restore_point(operation: Operation) -> str:
    """The ARM id to restore from. Raises StepError: final where Azure has no such backup, transient while it may show late."""
    source = Database.objects.select_related("server").get(pk=operation.input["source"])
    server = server_row_of(source)
    text = operation.input["moment"]
    moment = datetime.fromisoformat(text) if text else None
    if server.status != Status.READY:
        raise _gone(f"The server {server} is {server.status}; its backups can be restored nowhere else.")
    try:
        if operation.input["origin"] == Origin.MOMENT:
            return _live(reference(server), source, moment)
        return _dropped(reference(server), source, moment)
    except Missing as error:
        raise _gone(f"The server {server} is not there any more, and its backups went with it.") from error


def _live(server: ServerRef, source: Database, moment: datetime | None) -> str:
    seen = factory.sql_management().get_database(server, source.azure_name)
    if seen is None:
        raise _gone(f"Azure has no database {source}.")
    _check_moment(moment, seen.earliest_restore_at)
    return str(seen.arm_id)


def _dropped(server: ServerRef, source: Database, moment: datetime | None) -> str:
    found = _listed(factory.sql_management().list_dropped_databases(server), source)
    _check_moment(moment, found.earliest_restore_at)
    return found.arm_id


def _listed(rows: list[DroppedDatabase], source: Database) -> DroppedDatabase:
    """Several have the name where the database has moved away and come back: meant is the one dropped when our row says.

    A source that is not deleted any more was restored by another worker while this one, past its lease, slept: it is told
    to wait, and its record counts for nothing.
    """
    found = [row for row in rows if row.name == source.azure_name]
    if found:
        return min(found, key=lambda row: abs(row.dropped_at - (source.deleted_at or row.dropped_at)))
    if source.deleted_at is None or clock.now() - source.deleted_at < LISTING_LAGS:
        message = f"Azure does not list the dropped database {source} yet."
        raise StepError("RestorePointNotListed", message, transient=True, retry_after=settings.SHORT_WAIT_SECONDS)
    raise _gone(f"Azure has no backup of {source} any more.")


def _check_moment(moment: datetime | None, earliest: datetime | None) -> None:
    if earliest is None:
        raise StepError("NoRestorePointAvailable", "Azure has no backup of it: its first one was never completed.")
    if moment is not None and moment < earliest:
        text = f"Azure can restore it to {earliest:%Y-%m-%dT%H:%M:%SZ} at the earliest."
        raise StepError("PointInTimeOutOfRange", text)


def _gone(message: str) -> StepError:
    return StepError("RestoreWindowPassed", message)

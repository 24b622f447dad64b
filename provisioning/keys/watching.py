"""Early warning: each customer's key is looked at in less than a minute, as the identity that Azure SQL uses where it lets us.

Azure denies connections 10 minutes after a vault refuses, and cuts the database off after 30; while the vault does not answer
at all, 24 hours later (Microsoft, TDE with customer-managed keys, 2026). The time runs from the last look that saw it work.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction

from cloud import factory
from cloud.errors import CloudError
from cloud.keys import KeyTrouble
from cloud.protocols import CallClass
from inventory.models import Database
from inventory.states import Status
from operations import clock
from operations.clock import database_now
from provisioning.errors import KeyNotAllowed
from provisioning.keys.examining import Examined, examine
from provisioning.keys.naming import allowed_key, identity_of
from provisioning.keys.telling import minutes, tell_of_key
from provisioning.keys.using import record_key
from provisioning.keys.wishes import request_repair
from provisioning.models import KeyUse, KeyWatch
from provisioning.targets import reference, server_row_of

log = structlog.get_logger(__name__)
State, Posture = KeyWatch.State, KeyWatch.Posture
LEASE = timedelta(seconds=60)
DENIED_AFTER, CUT_OFF_AFTER, OUTAGE = timedelta(minutes=10), timedelta(minutes=30), timedelta(hours=24)
INACCESSIBLE = "Inaccessible"


@dataclass(frozen=True, slots=True)
class Look:
    """What one look has shown. `status` is the database's in Azure, where it was asked for; `uri` the key looked at."""

    at: datetime
    uri: str
    seen: Examined
    status: str = ""


def watch_due() -> int:
    """Look at every key whose time has come; each is one watcher's at a time. Returns how many were due."""
    due = _claim()
    for watch in due:
        try:
            _record(watch, _look_at(watch))
        except CloudError as error:  # our own budget, or an answer that cannot be read: it is due again with the lease
            log.warning("key_watch.not_looked", target=watch.database.key, code=error.code)
    return len(due)


def cut_off_at(watch: KeyWatch) -> datetime | None:
    """When Azure cuts the database off at the earliest; None while nothing is lost."""
    since = watch.well_at or watch.lost_at
    if watch.state != State.LOST or since is None:
        return None
    grace = OUTAGE if watch.trouble == KeyTrouble.UNREACHABLE else timedelta(0)
    return since + grace + CUT_OFF_AFTER


@transaction.atomic
def _claim() -> Sequence[KeyWatch]:
    now = database_now()
    rows = KeyWatch.objects.filter(due_at__lte=now, database__status__in=(Status.READY, Status.UPDATING))
    due = list(rows.select_for_update(skip_locked=True, of=("self",)).order_by("due_at")[: settings.KEY_LOOKS_AT_ONCE])
    KeyWatch.objects.filter(pk__in=[one.pk for one in due]).update(due_at=now + LEASE)
    return list(
        KeyWatch.objects.filter(pk__in=[one.pk for one in due])
        .select_related("database__server", "database__service__workspace")
        .order_by("due_at", "pk")
    )


def _look_at(watch: KeyWatch) -> Look:
    """The key's own state; of the database too, where only that can be seen or something may be over."""
    database, at = watch.database, database_now()
    present = KeyUse.objects.filter(database=database, used_until=None).first()
    uri = _followed(database, present.uri if present else database.key_uri)
    try:
        seen = examine(allowed_key(uri), identity_of(database), call_class=CallClass.REPAIR)
    except KeyNotAllowed as error:  # Azure shows a key that we would never have taken
        seen = Examined(Posture.DATABASE, None, error.code)
    ask = watch.state != State.WELL or seen.posture == Posture.DATABASE or database.observed_status == INACCESSIBLE
    return Look(at, uri, seen, _status(database) if ask else "")


def _followed(database: Database, uri: str) -> str:
    """Where Azure follows a key to its new versions, the version that it showed last."""
    return database.observed_key_uri if database.key_follows and database.observed_key_uri else uri


def _status(database: Database) -> str:
    where = reference(server_row_of(database))
    seen = factory.sql_management(CallClass.REPAIR).get_database(where, database.azure_name)
    return seen.status if seen else ""


@transaction.atomic
def _record(watch: KeyWatch, look: Look) -> None:
    """Write what was seen and tell what is new; nothing where somebody has taken the key back meanwhile."""
    row = KeyWatch.objects.select_for_update().filter(pk=watch.pk).first()
    if row is None:
        return
    row.database = watch.database
    before, state = row.state, _state(row, look)
    row.posture, row.trouble, row.detail = look.seen.posture, str(look.seen.trouble or ""), look.seen.code
    row.looked_at, row.state = look.at, state
    if state == State.WELL:
        _well(row, look, was_lost=before == State.LOST)
    elif state == State.LOST:
        _lost(row, look, was_lost=before == State.LOST)
    row.due_at = database_now() + timedelta(seconds=settings.KEY_LOOK_SECONDS * random.uniform(0.75, 1.25))  # noqa: S311
    row.save()
    if state == State.WELL and look.status == INACCESSIBLE:
        request_repair(row.database)


def _state(row: KeyWatch, look: Look) -> KeyWatch.State:
    """A firewall that let us in before, and a vault that is silent twice, are taken for a loss."""
    trouble = look.seen.trouble
    if trouble is None and look.seen.posture == Posture.DATABASE:
        return State.LOST if look.status == INACCESSIBLE else State.UNSURE
    if trouble is None:
        return State.WELL
    was_well = row.well_at is not None
    if trouble is KeyTrouble.FIREWALL:
        return State.LOST if was_well else State.UNSURE
    if trouble is KeyTrouble.UNREACHABLE:
        return State.LOST if was_well and row.trouble == KeyTrouble.UNREACHABLE else State.UNSURE
    return State.LOST if trouble.is_loss else State.UNSURE


def _well(row: KeyWatch, look: Look, *, was_lost: bool) -> None:
    if was_lost:
        tell_of_key("key.back", row.database, {"key": look.uri, "minutes": minutes(row.lost_at or look.at, look.at)})
    row.well_at, row.lost_at, row.told = look.at, None, 0
    if row.database.key_follows:
        record_key(row.database, look.uri)
    _tell_of_expiry(row, look)
    _tell_of_version(row, look)


def _lost(row: KeyWatch, look: Look, *, was_lost: bool) -> None:
    """Told at once, again after ten minutes, and when Azure's time is over."""
    if not was_lost:
        row.lost_at, row.told = look.at, 0
    end = cut_off_at(row)
    assert row.lost_at is not None
    assert end is not None, "it is lost"
    over = look.at >= end or look.status == INACCESSIBLE
    level = 3 if over else 2 if look.at >= row.lost_at + DENIED_AFTER else 1
    if level > row.told:
        kinds = {1: "key.lost", 2: "key.still_lost", 3: "key.cut_off"}
        facts = {"key": look.uri, "reason": row.trouble, "code": row.detail, "cut_off_at": end.isoformat()}
        tell_of_key(kinds[level], row.database, {**facts, "minutes_left": minutes(look.at, end)})
        row.told = level


def _tell_of_expiry(row: KeyWatch, look: Look) -> None:
    expires_at = look.seen.expires_at
    if expires_at != row.expires_at:
        row.expires_at, row.expiry_told_days = expires_at, None
    if expires_at is None:
        return
    left = expires_at - clock.now()
    passed = [days for days in settings.KEY_EXPIRY_DAYS if left <= timedelta(days=days)]
    if passed and (row.expiry_told_days is None or min(passed) < row.expiry_told_days):
        row.expiry_told_days = min(passed)
        facts = {"key": look.uri, "days": max(0, left.days), "expires_at": expires_at.isoformat()}
        tell_of_key("key.expiring", row.database, facts)


def _tell_of_version(row: KeyWatch, look: Look) -> None:
    """A version that came after the one in use, told once."""
    newest = look.seen.newest_version
    if newest and newest not in (row.newest_version, look.uri.rpartition("/")[2]):
        how = "Azure goes over to it within 24 hours" if row.database.key_follows else "change the key to use it"
        tell_of_key("key.new_version", row.database, {"key": look.uri, "version": newest, "how": how})
    row.newest_version = newest or row.newest_version

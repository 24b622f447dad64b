"""Who wants to hear: receivers are added, paused and removed by the owners of a workspace, the fleet's by operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from inventory.models import Workspace
from inventory.selectors import Viewer, workspaces_for
from notifications import addresses
from notifications.addresses import AddressRefused
from notifications.errors import AddressNotPossible, AddressTaken, NothingToReplay, TooManyReceivers
from notifications.models import Delivery, Receiver
from notifications.services import tell
from operations import audit
from operations.clock import DatabaseNow, database_now
from operations.services import serialise

State, Channel = Receiver.State, Receiver.Channel


@transaction.atomic
def add_receiver(
    workspace: Workspace | None, *, channel: str, address: str, kinds: Sequence[str], actor: str
) -> Receiver:
    """A new receiver; a webhook waits in `preparing` until its signing secret stands.

    Raises AddressNotPossible, AddressTaken, TooManyReceivers.
    """
    _check(channel, address)
    serialise(f"receivers:{workspace.pk if workspace else 'fleet'}")
    if present_receivers().filter(workspace=workspace).count() >= settings.NOTIFY_MOST_RECEIVERS:
        raise TooManyReceivers(f"There may be {settings.NOTIFY_MOST_RECEIVERS} receivers.")
    state = State.PREPARING if channel == Channel.WEBHOOK else State.ACTIVE
    row = Receiver(workspace=workspace, channel=channel, address=address, kinds=list(kinds), state=state)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise AddressTaken("This receiver is there already.") from error
    _record("receiver.added", row, actor=actor, after={"channel": channel, "address": address, "kinds": row.kinds})
    return row


def has_secret(row: Receiver) -> None:
    """Its first signing secret stands: from now on it is served. In the caller's transaction."""
    Receiver.objects.filter(pk=row.pk, state=State.PREPARING).update(state=State.ACTIVE)


def pause(row: Receiver, *, actor: str) -> bool:
    """Send nothing for now; events wait. False: it was not active."""
    return _move(row, (State.ACTIVE,), State.PAUSED, actor=actor, action="receiver.paused")


@transaction.atomic
def resume(row: Receiver, *, actor: str) -> bool:
    """Send again, from where it stopped, and at once. False: it was neither paused nor gone."""
    resumed = _move(row, (State.PAUSED, State.GONE), State.ACTIVE, actor=actor, action="receiver.resumed")
    if resumed:
        give_up_at = database_now() + timedelta(hours=settings.NOTIFY_GIVE_UP_HOURS)
        Delivery.objects.filter(receiver=row, state=Delivery.State.PENDING).update(give_up_at=give_up_at)
    return resumed


@transaction.atomic
def remove_receiver(row: Receiver, *, actor: str) -> bool:
    """Send nothing any more; what was on its way is dropped. False: it was removed already."""
    alive = tuple(state for state in State if state != State.REMOVED)
    if not _move(row, alive, State.REMOVED, actor=actor, action="receiver.removed"):
        return False
    Delivery.objects.filter(receiver=row).exclude(state=Delivery.State.DELIVERED).delete()
    return True


@transaction.atomic
def send_test(row: Receiver, *, actor: str) -> None:
    """Have an event sent to this receiver alone."""
    _record("receiver.tested", row, actor=actor)
    tell("receiver.test", target=row.key, workspace=row.workspace.name if row.workspace else "")


@transaction.atomic
def replay(row: Receiver, *, actor: str, reason: str, number: int | None = None) -> int:
    """Send what was given up again, or one event of it, oldest first. Returns how many. Raises NothingToReplay."""
    dead = Delivery.objects.filter(receiver=row, state=Delivery.State.DEAD)
    if number is not None:
        dead = dead.filter(number=number)
    again = dead.update(
        state=Delivery.State.PENDING,
        attempts=0,
        due_at=DatabaseNow(),
        ended_at=None,
        give_up_at=database_now() + timedelta(hours=settings.NOTIFY_GIVE_UP_HOURS),
    )
    if not again:
        raise NothingToReplay("Nothing for this receiver was given up.")
    Receiver.objects.filter(pk=row.pk).update(due_at=DatabaseNow())
    _record("receiver.replayed", row, actor=actor, after={"events": again}, reason=reason)
    return again


def present_receivers() -> QuerySet[Receiver]:
    return Receiver.objects.exclude(state=State.REMOVED)


def receivers_for(viewer: Viewer) -> QuerySet[Receiver]:
    """Receivers of workspaces that the viewer may know of; who sees everything sees the fleet's too."""
    rows = present_receivers().select_related("workspace")
    return rows if viewer.sees_everything else rows.filter(workspace__in=workspaces_for(viewer))


def dead_letters() -> QuerySet[Delivery]:
    """All that was given up, latest first."""
    rows = Delivery.objects.filter(state=Delivery.State.DEAD).exclude(receiver__state=State.REMOVED)
    return rows.select_related("event", "receiver__workspace").order_by("-ended_at", "-number")


@transaction.atomic
def _move(row: Receiver, before: Sequence[str], after: str, *, actor: str, action: str) -> bool:
    changed = Receiver.objects.filter(pk=row.pk, state__in=before).update(
        state=after, failures=0, failing_since=None, due_at=DatabaseNow(), claim_token=None, lease_until=None
    )
    if changed:
        _record(action, row, actor=actor, before={"state": row.state}, after={"state": after})
        row.refresh_from_db()
    return bool(changed)


def _check(channel: str, address: str) -> None:
    """Raises AddressNotPossible, saying why. Where a name leads is looked at each time when something is sent."""
    try:
        if channel == Channel.EMAIL:
            _check_mail(address)
        else:
            addresses.parse(address, ports=settings.NOTIFY_PORTS, local=settings.NOTIFY_ALLOWED_LOOPBACK)
    except ValidationError as error:
        raise AddressNotPossible("This is not an e-mail address.") from error
    except AddressRefused as error:
        raise AddressNotPossible(str(error)) from error


def _check_mail(address: str) -> None:
    if not settings.EMAIL_HOST:
        raise AddressNotPossible("This installation sends no mail.")
    validate_email(address)


def _record(action: str, row: Receiver, *, actor: str, **details: Any) -> None:
    place = row.workspace.name if row.workspace else ""
    said: Mapping[str, Any] = {"actor": actor, "target": row.key, "workspace": place, **details}
    audit.record(action, **said)

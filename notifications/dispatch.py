"""From the outbox to inboxes and receivers: each event is handed out once, in the order in which it could be seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from inventory.models import Workspace
from inventory.selectors import present_workspaces
from notifications.kinds import is_quiet, kind_of, matches, text_of, title_of
from notifications.models import Delivery, Notice, Receiver
from operations.clock import DatabaseNow, database_now
from operations.failpoints import hit
from operations.hints import send_hint
from operations.models import OutboxEvent

BATCH = 200
CLOCKS_DIFFER = timedelta(seconds=60)  # as in provisioning.selectors: a name may be given again
Channel, State = Receiver.Channel, Receiver.State
LISTENING = (State.PREPARING, State.ACTIVE, State.PAUSED)


def dispatch() -> int:
    """Hand out what stands in the outbox. Returns how many events. Harmless if several try: one at a time does it.

    A number is given when an event is handed out, not when it was written: a transaction that took long cannot slip in before
    what others have told already, and the numbers of a receiver have no gaps.
    """
    handed_out = 0
    while found := _dispatch_some():
        handed_out += found
    return handed_out


@transaction.atomic
def _dispatch_some() -> int:
    if not _alone():
        return 0
    events = list(OutboxEvent.objects.filter(delivered_at__isnull=True).order_by("sequence")[:BATCH])
    if events:
        hit("dispatch.before")
        _hand_out(events)
        OutboxEvent.objects.filter(pk__in=[event.pk for event in events]).update(delivered_at=DatabaseNow())
        hit("dispatch.after")
    return len(events)


def _alone() -> bool:
    """True where nobody else hands out until our transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended('notifications.dispatch', 2))")
        row: tuple[bool] = cursor.fetchone()
    return row[0]


def _hand_out(events: Sequence[OutboxEvent]) -> None:
    places = _places(events)
    Notice.objects.bulk_create(
        _notice(event, places.get(event.workspace)) for event in events if _is_for_an_inbox(event, places)
    )
    concerned = Q(workspace__isnull=True) | Q(workspace__in=places.values())
    receivers = list(Receiver.objects.select_for_update().filter(concerned, state__in=LISTENING).order_by("pk"))
    give_up_at = database_now() + timedelta(hours=settings.NOTIFY_GIVE_UP_HOURS)
    deliveries = [
        _delivery(event, receiver, give_up_at)
        for event in events
        for receiver in receivers
        if _is_for(receiver, event, places)
    ]
    Delivery.objects.bulk_create(deliveries)
    rung = {delivery.receiver_id: delivery.receiver for delivery in deliveries}
    Receiver.objects.bulk_update(rung.values(), ["last_number"])
    for receiver_id in rung:
        transaction.on_commit(partial(ring, str(receiver_id)))


def ring(receiver_id: str) -> None:
    """Ask a worker to deliver; losing it costs what is left until beat's next sweep."""
    send_hint("notifications.tasks.deliver_due", "notify", receiver_id)


def _places(events: Iterable[OutboxEvent]) -> dict[str, Workspace]:
    """Present workspaces by name, without those that got their name only after the event."""
    first: dict[str, datetime] = {}
    for event in events:
        first[event.workspace] = min(event.created_at, first.get(event.workspace, event.created_at))
    rows = present_workspaces().filter(name__in=first)
    return {row.name: row for row in rows if row.created_at <= first[row.name] + CLOCKS_DIFFER}


def _is_for_an_inbox(event: OutboxEvent, places: dict[str, Workspace]) -> bool:
    known = not event.workspace or event.workspace in places
    return known and not is_quiet(event.kind, event.data)


def _is_for(receiver: Receiver, event: OutboxEvent, places: dict[str, Workspace]) -> bool:
    """Receivers of the fleet hear of every workspace; nobody hears of an event about whether itself is reached."""
    place = places.get(event.workspace)
    if receiver.workspace_id is not None and (place is None or place.pk != receiver.workspace_id):
        return False
    if event.kind == "receiver.test":
        return event.target == receiver.key
    if event.target == receiver.key or receiver.created_at > event.created_at + CLOCKS_DIFFER:
        return False
    if receiver.channel == Channel.EMAIL and not receiver.kinds:
        return kind_of(event.kind).mailed and not is_quiet(event.kind, event.data)
    return matches(event.kind, receiver.kinds)


def _notice(event: OutboxEvent, place: Workspace | None) -> Notice:
    return Notice(
        event=event,
        workspace=place,
        kind=event.kind,
        severity=kind_of(event.kind).severity,
        target=event.target,
        title=title_of(event.kind, event.data),
        text=text_of(event.kind, event.data),
        created_at=event.created_at,
    )


def _delivery(event: OutboxEvent, receiver: Receiver, give_up_at: datetime) -> Delivery:
    receiver.last_number += 1
    return Delivery(
        event=event, receiver=receiver, number=receiver.last_number, target=event.target, give_up_at=give_up_at
    )

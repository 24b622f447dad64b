"""Tables that many pages share: the newest operations, audit events and locks of something."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q
from django.urls import reverse
from django.utils.safestring import SafeString

from controlplane.console.display import NOTHING, change, moment, row_link, state, who
from controlplane.console.tables import Table
from controlplane.console.targets import Targets
from operations.models import AuditEvent, Operation, ResourceLock

SHOWN = 20
EVENT_HEADINGS = ("When", "Who", "What", "To what", "Outcome", "Reason", "Change")


def operations(title: str, empty: str, **filters: object) -> Table:
    """The newest operations that match."""
    found = list(Operation.objects.filter(**filters).order_by("-created_at")[:SHOWN])
    targets = Targets(one.target_key for one in found)
    rows = [
        (row_link(one, one.kind), targets.link(one.target_key), state(one.state), one.step, moment(one.created_at))
        for one in found
    ]
    return Table(title, ("Operation", "Target", "State", "Step", "Asked for"), rows, empty)


def events(query: str, *either: Q, **filters: object) -> Table:
    """The newest audit events that match; `query` is the audit page's own."""
    found = list(AuditEvent.objects.filter(*either, **filters)[:SHOWN])
    more = f"{reverse('console:audit')}?{query}" if query else ""
    return Table("Audit events", EVENT_HEADINGS, event_rows(found), "Nothing has been recorded about it.", more=more)


def event_rows(events: Iterable[AuditEvent]) -> list[tuple[object, ...]]:
    """Audit events as rows below EVENT_HEADINGS."""
    events = list(events)
    targets = Targets(event.target for event in events)
    return [
        (
            moment(event.at),
            who(event.actor),
            _action(event),
            targets.link(event.target),
            state(event.outcome),
            event.reason or NOTHING,
            change(event.before, event.after),
        )
        for event in events
    ]


def locks(key: str) -> Table:
    """Who holds a pool or a server, and who stands in line, oldest first."""
    found = ResourceLock.objects.filter(resource_key=key).select_related("operation").order_by("pk")[:SHOWN]
    rows = [
        (
            row_link(lock.operation, lock.operation.kind),
            lock.get_mode_display(),
            lock.reason,
            moment(lock.requested_at),
            moment(lock.granted_at, never="waits"),
        )
        for lock in found
    ]
    headings = ("Operation", "Mode", "Why", "Asked for", "Granted")
    return Table("Locks", headings, rows, "Nobody holds it.")


def _action(event: AuditEvent) -> SafeString | str:
    if event.operation_id is None:
        return event.action
    return row_link(Operation(pk=event.operation_id), event.action)

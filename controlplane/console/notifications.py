"""What was told: the inboxes of workspaces and of the fleet, newest first."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.console.display import (
    BAD,
    NOTHING,
    QUIET,
    WARNING,
    copyable,
    document,
    label,
    moment,
    row_link,
    state,
)
from controlplane.console.read_only import ReadOnlyPage
from controlplane.console.site import console
from controlplane.console.tables import Facts, Table
from controlplane.console.targets import Targets
from notifications.models import Delivery, Notice

TONES = {"error": BAD, "warning": WARNING}
LONGEST_ADDRESS = 40
HEADINGS = ("Number", "Receiver", "State", "Attempts", "Last error", "Ended")


@admin.register(Notice, site=console)
class NoticePage(ReadOnlyPage):
    """Newest first."""

    list_display = ("title", "severity_of", "workspace_link", "kind", "told")
    list_filter = ("severity", "kind")
    search_fields = ("title", "text", "target", "workspace__name")
    ordering = ("-created_at", "-id")
    called = ("notification", "notifications")
    empty_means = "Nothing has happened that anybody had to hear of."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        rows: QuerySet[Notice] = super().get_queryset(request)
        return rows.select_related("workspace", "event")

    @display(description="severity", ordering="severity")
    def severity_of(self, row: Notice) -> str:
        return label(row.severity, TONES.get(row.severity, QUIET))

    @display(description="workspace", ordering="workspace__name")
    def workspace_link(self, row: Notice) -> str:
        return row_link(row.workspace) if row.workspace else label("fleet")

    @display(description="told", ordering="created_at")
    def told(self, row: Notice) -> str:
        return moment(row.created_at)

    def title_of(self, row: Notice) -> str:
        return row.title

    def facts(self, row: Notice) -> list[Facts]:
        what = (
            ("What", row.text or NOTHING),
            ("Severity", self.severity_of(row)),
            ("Workspace", self.workspace_link(row)),
            ("About", Targets([row.target]).link(row.target)),
            ("When", moment(row.created_at)),
        )
        event = (
            ("Kind", row.kind),
            ("Event", copyable(row.event_id)),
            ("Facts", document(row.event.data)),
            ("Read by", row.reads.count()),
        )
        return [Facts("Notification", what), Facts("Event", event)]

    def tables(self, row: Notice) -> list[Table]:
        sent = Delivery.objects.filter(event_id=row.event_id).select_related("receiver__workspace").order_by("pk")
        rows = [
            (
                one.number,
                row_link(one.receiver, beginning(one.receiver.address)),
                state(one.state),
                one.attempts,
                one.last_error or NOTHING,
                moment(one.ended_at, never="not yet"),
            )
            for one in sent[:100]
        ]
        return [Table("Sent to", HEADINGS, rows, "No receiver asked for it; it stands in the inbox alone.")]


def beginning(address: str) -> str:
    """Of a URL what tells receivers apart, its host; the whole stands on the receiver's page."""
    return address if len(address) <= LONGEST_ADDRESS else f"{address[:LONGEST_ADDRESS]}…"

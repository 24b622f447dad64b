"""Receivers of notifications: whether something reaches them, and what was given up."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.api.receivers import counted
from controlplane.console import recent
from controlplane.console.display import (
    BAD,
    NOTHING,
    WARNING,
    copyable,
    document,
    label,
    moment,
    row_link,
    state,
)
from controlplane.console.notifications import HEADINGS, beginning
from controlplane.console.read_only import ReadOnlyPage
from controlplane.console.receiver_buttons import PAUSE, REPLAY, REPLAY_ONE, RESUME
from controlplane.console.site import console
from controlplane.console.tables import Facts, Notice, Table
from notifications.models import Delivery, Receiver

State = Delivery.State


@admin.register(Receiver, site=console)
class ReceiverPage(ReadOnlyPage):
    """Those that nothing reaches first."""

    list_display = ("where", "channel", "state_of", "workspace_link", "on_its_way", "given_up", "reached")
    list_filter = ("state", "channel")
    search_fields = ("address", "workspace__name")
    ordering = ("-failures", "pk")
    called = ("receiver", "receivers")
    empty_means = "Nobody has asked to be told by webhook or mail; inboxes work all the same."
    buttons = (PAUSE, RESUME, REPLAY)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Receiver]:
        rows: QuerySet[Receiver] = super().get_queryset(request).select_related("workspace")
        return counted(rows)

    @display(description="address", ordering="address")
    def where(self, row: Receiver) -> str:
        return beginning(row.address)

    @display(description="state", ordering="state")
    def state_of(self, row: Receiver) -> str:
        return label("failing", BAD, title=row.last_error) if row.failures else state(row.state)

    @display(description="workspace", ordering="workspace__name")
    def workspace_link(self, row: Receiver) -> str:
        return row_link(row.workspace) if row.workspace else label("fleet")

    @display(description="on its way")
    def on_its_way(self, row: Receiver) -> int:
        return int(row.undelivered)  # type: ignore[attr-defined]  # counted

    @display(description="dead letters")
    def given_up(self, row: Receiver) -> object:
        dead = int(row.dead)  # type: ignore[attr-defined]  # counted
        return label(str(dead), BAD) if dead else 0

    @display(description="last reached", ordering="last_success_at")
    def reached(self, row: Receiver) -> str:
        return moment(row.last_success_at, never="never")

    def title_of(self, row: Receiver) -> str:
        return f"Receiver {beginning(row.address)}"

    def notices(self, row: Receiver) -> list[Notice]:
        found = []
        if row.failures:
            since = f"{row.failures} attempts in vain; {row.last_error}"
            found.append(Notice(BAD, "Nothing reaches it", since))
        if row.state in (Receiver.State.GONE, Receiver.State.PAUSED):
            found.append(Notice(WARNING, f"It is {row.state}", "Events wait until it is resumed."))
        return found

    def facts(self, row: Receiver) -> list[Facts]:
        where = (
            ("Address", copyable(row.address)),
            ("Channel", row.channel),
            ("Workspace", self.workspace_link(row)),
            ("State", self.state_of(row)),
            ("Kinds of events", document(row.kinds) if row.kinds else "as usual for the channel"),
        )
        how = (
            ("On its way", self.on_its_way(row)),
            ("Given up", self.given_up(row)),
            ("Failing since", moment(row.failing_since, never="it is not")),
            ("Tried again", moment(row.due_at)),
            ("Last reached", self.reached(row)),
        )
        secret = (
            ("Secret", copyable(row.secret_name)),
            ("Version that signs", copyable(row.signing_version)),
            ("Version that signs too", copyable(row.previous_version)),
            ("Renewed", moment(row.rotate_after)),
        )
        named = [Facts("Receiver", where), Facts("Delivery", how)]
        return [*named, Facts("Names in the vault", secret)] if row.channel == Receiver.Channel.WEBHOOK else named

    def first_tables(self, row: Receiver) -> list[Table]:
        dead = row.deliveries.filter(state=State.DEAD).select_related("event").order_by("-ended_at")
        rows = [
            (row_link(one, str(one.number)), one.event.kind, one.attempts, one.last_error, moment(one.ended_at))
            for one in dead[: recent.SHOWN]
        ]
        return [Table("Dead letters", ("Number", "Kind", "Attempts", "Last error", "Given up"), rows, "None.")]

    def tables(self, row: Receiver) -> list[Table]:
        latest = row.deliveries.exclude(state=State.DEAD).order_by("-number")
        rows = [
            (
                one.number,
                one.target,
                state(one.state),
                one.attempts,
                one.last_error or NOTHING,
                moment(one.ended_at, never="not yet"),
            )
            for one in latest[: recent.SHOWN]
        ]
        headings = (HEADINGS[0], "About", *HEADINGS[2:])
        sent = Table("Latest events", headings, rows, "Nothing was meant for it yet.")
        return [sent, recent.events(f"target={row.key}", target=row.key)]


@admin.register(Delivery, site=console)
class DeadLetterPage(ReadOnlyPage):
    """Latest first."""

    list_display = ("number", "kind", "receiver_link", "workspace_link", "attempts", "last_error", "given_up")
    search_fields = ("receiver__address", "target", "last_error")
    ordering = ("-ended_at", "-number")
    called = ("dead letter", "dead letters")
    empty_means = "Everything has arrived, or is still on its way."
    buttons = (REPLAY_ONE,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        rows: QuerySet[Delivery] = super().get_queryset(request).filter(state=State.DEAD)
        return rows.select_related("event", "receiver__workspace")

    @display(description="kind")
    def kind(self, row: Delivery) -> str:
        return row.event.kind

    @display(description="receiver", ordering="receiver__address")
    def receiver_link(self, row: Delivery) -> str:
        return row_link(row.receiver, beginning(row.receiver.address))

    @display(description="workspace")
    def workspace_link(self, row: Delivery) -> str:
        return row_link(row.receiver.workspace) if row.receiver.workspace else label("fleet")

    @display(description="given up", ordering="ended_at")
    def given_up(self, row: Delivery) -> str:
        return moment(row.ended_at)

    def title_of(self, row: Delivery) -> str:
        return f"Dead letter {row.number} to {beginning(row.receiver.address)}"

    def facts(self, row: Delivery) -> list[Facts]:
        what = (
            ("Kind", row.event.kind),
            ("About", copyable(row.target)),
            ("Event", copyable(row.event_id)),
            ("Facts", document(row.event.data)),
            ("Happened", moment(row.event.created_at)),
        )
        how = (
            ("Receiver", self.receiver_link(row)),
            ("Number", row.number),
            ("Attempts", row.attempts),
            ("Last error", row.last_error or NOTHING),
            ("Given up", self.given_up(row)),
        )
        return [Facts("Event", what), Facts("Delivery", how)]

"""What differs between our rows and Azure, worst first, and what may be decided about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from django.contrib import admin

from controlplane.console.buttons import Button
from controlplane.console.display import moment, state, who
from controlplane.console.drift import EMPTY
from controlplane.console.read_only import ReadOnlyPage
from controlplane.console.site import console
from controlplane.console.tables import Facts
from controlplane.console.targets import Targets
from provisioning.drift.accepting import accept
from provisioning.drift.orphans import is_removable, request_removal
from provisioning.drift.repairs import is_repairable, request_repair
from provisioning.models import Finding

State = Finding.State
PERMISSION = "provisioning.change_finding"


def _repair(row: Finding, *, actor: str, reason: str) -> str:
    operation = request_repair(row.target, actor=actor, reason=reason)
    return f"Operation {operation.pk} puts {row.name} back."


def _accept(row: Finding, *, actor: str, reason: str) -> str:
    accept(row, actor=actor, reason=reason)
    return f"What Azure shows of {row.name} is taken as it is."


def _remove(row: Finding, *, actor: str, reason: str) -> str:
    operation = request_removal(row, actor=actor, reason=reason)
    return f"Operation {operation.pk} removes {row.name}, after another look."


REPAIR = Button(
    name="repair",
    title="Repair",
    permission=PERMISSION,
    applies=lambda row: row.state == State.OPEN and is_repairable(row),
    act=_repair,
    warns="All that was found on this resource is put back as we want it; its connections may drop for a moment.",
    icon="build",
)
ACCEPT = Button(
    name="accept",
    title="Accept as it is",
    permission=PERMISSION,
    applies=lambda row: row.state == State.OPEN and row.kind != Finding.Kind.MISSING,
    act=_accept,
    warns="What Azure shows becomes what we want; it is not repaired while it stays as it is now.",
    icon="check",
)
REMOVE = Button(
    name="remove",
    title="Remove from Azure",
    permission=PERMISSION,
    applies=lambda row: row.state == State.OPEN and is_removable(row),
    act=_remove,
    warns="It is deleted in Azure with its data, unless another look shows that it is no orphan.",
    icon="delete_forever",
    is_dangerous=True,
    confirms=lambda row: row.name,
)


@admin.register(Finding, site=console)
class FindingPage(ReadOnlyPage):
    """Worst first, those that wait for a decision before others."""

    list_display = ("name", "kind_shown", "attribute", "severity_shown", "state_shown", "since", "last")
    list_filter = ("state", "kind", "severity")
    search_fields = ("name", "target")
    ordering = ("severity", "first_seen_at")
    buttons: ClassVar = (REPAIR, ACCEPT, REMOVE)
    empty_means = EMPTY

    @admin.display(description="kind", ordering="kind")
    def kind_shown(self, row: Finding) -> str:
        return row.get_kind_display()

    @admin.display(description="severity", ordering="severity")
    def severity_shown(self, row: Finding) -> object:
        return state(row.get_severity_display())

    @admin.display(description="state", ordering="state")
    def state_shown(self, row: Finding) -> object:
        return state(row.state)

    @admin.display(description="first seen", ordering="first_seen_at")
    def since(self, row: Finding) -> object:
        return moment(row.first_seen_at)

    @admin.display(description="last seen", ordering="last_seen_at")
    def last(self, row: Finding) -> object:
        return moment(row.last_seen_at)

    def facts(self, row: Finding) -> Sequence[Facts]:
        target = Targets([row.target]).link(row.target)
        difference = (
            ("Resource", target),
            ("Property", row.attribute or "the whole"),
            ("Wanted", row.expected),
            ("Azure says", row.observed),
            ("Severity", row.get_severity_display()),
            ("Known of it", row.note or "nothing more"),
        )
        history = (
            ("First seen", moment(row.first_seen_at)),
            ("Last seen", moment(row.last_seen_at)),
            ("Looks", row.seen),
            ("Repairs in vain", row.repairs),
            ("Repair", row.repair_id or "none"),
            ("Decided by", who(row.decided_by) if row.decided_by else "nobody"),
            ("Reason", row.reason or "none"),
        )
        return Facts("Difference", difference), Facts("History", history)

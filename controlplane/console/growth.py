"""Which databases and pools will be full, soonest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin

from controlplane.console.buttons import Button
from controlplane.console.display import moment, size, state, who
from controlplane.console.outgrowing import days_left
from controlplane.console.planned import Choice, Planned
from controlplane.console.read_only import ReadOnlyPage
from controlplane.console.site import console
from controlplane.console.tables import Facts
from controlplane.console.targets import Targets
from provisioning.changes.consent import Consent
from provisioning.changes.plan import Plan
from provisioning.growth.accepting import accept, plan_of
from provisioning.growth.proposals import dismiss
from provisioning.models import GrowthProposal

PERMISSION = "provisioning.change_growthproposal"
OPEN = (GrowthProposal.State.OPEN, GrowthProposal.State.DISMISSED)


def _plan(row: GrowthProposal, choice: Choice, *, actor: str) -> Plan:
    return plan_of(row, actor=actor)


def _accept(row: GrowthProposal, choice: Choice, *, actor: str, reason: str, consent: Consent) -> str:
    accept(row, actor=actor, consent=consent, reason=reason)
    return f"{row.name} will be given the proposed size."


def _dismiss(row: GrowthProposal, *, actor: str, reason: str) -> str:
    dismiss(row, actor=actor, reason=reason)
    return f"{row.name} stays as it is; when days remain it is told all the same."


ACCEPT = Planned(
    name="accept",
    title="Grow as proposed",
    permission=PERMISSION,
    applies=lambda row: row.state in OPEN and row.proposed_bytes > row.limit_bytes,
    plan=_plan,
    act=_accept,
    warns="It is given the proposed size now.",
    icon="expand",
    confirms=lambda row: row.name,
)
DISMISS = Button(
    name="dismiss",
    title="Dismiss",
    permission=PERMISSION,
    applies=lambda row: row.state == GrowthProposal.State.OPEN,
    act=_dismiss,
    warns="It stays as it is.",
    icon="block",
)


@admin.register(GrowthProposal, site=console)
class GrowthProposalPage(ReadOnlyPage):
    """Soonest full first."""

    list_display = ("name", "workspace", "service", "left", "used", "limit", "proposed", "state_shown")
    list_filter = ("state",)
    search_fields = ("name", "workspace", "service")
    ordering = ("days_left",)
    buttons: ClassVar = (DISMISS,)
    planned: ClassVar = (ACCEPT,)
    called: ClassVar = ("growth proposal", "growth proposals")
    empty_means = "Nothing will be full within the next weeks."

    @admin.display(description="full in", ordering="days_left")
    def left(self, row: GrowthProposal) -> Any:
        return days_left(row)

    @admin.display(description="holds", ordering="used_bytes")
    def used(self, row: GrowthProposal) -> Any:
        return size(row.used_bytes)

    @admin.display(description="limit", ordering="limit_bytes")
    def limit(self, row: GrowthProposal) -> Any:
        return size(row.limit_bytes)

    @admin.display(description="proposed", ordering="proposed_bytes")
    def proposed(self, row: GrowthProposal) -> Any:
        return size(row.proposed_bytes)

    @admin.display(description="state", ordering="state")
    def state_shown(self, row: GrowthProposal) -> Any:
        return state(row.state)

    def facts(self, row: GrowthProposal) -> Sequence[Facts]:
        forecast = (
            ("What", Targets([row.target]).link(row.target)),
            ("Full in", days_left(row)),
            ("Holds", size(row.used_bytes)),
            ("Grows a day", size(row.bytes_per_day)),
            ("Limit", size(row.limit_bytes)),
            ("Proposed", size(row.proposed_bytes)),
            ("Last sample", row.last_day.isoformat()),
        )
        decision = (
            ("State", state(row.state)),
            ("Decided by", who(row.decided_by) if row.decided_by else "nobody"),
            ("Reason", row.reason or "none"),
            ("To be grown", moment(row.due_at, never="at once when accepted")),
            ("Operation", row.operation_id or "none"),
        )
        return Facts("Forecast", forecast), Facts("Decision", decision)

"""Which pools have the wrong size, what another one costs, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.console.buttons import Button
from controlplane.console.display import NOTHING, figure, moment, row_link, state, who
from controlplane.console.read_only import ReadOnlyPage
from controlplane.console.site import console
from controlplane.console.tables import Facts
from operations.models import Operation
from provisioning.changes.consent import ACCEPTED
from provisioning.models import PoolProposal
from provisioning.pool_size.deciding import approve, dismiss

PERMISSION = "provisioning.change_poolproposal"
UNDECIDED = (PoolProposal.State.OPEN, PoolProposal.State.DISMISSED)


def _approve(row: PoolProposal, *, actor: str, reason: str) -> str:
    operation = approve(row, actor=actor, reason=reason, consent=ACCEPTED)
    return f"Operation {operation.pk} begins; another size waits for the windows of all who are served."


def _dismiss(row: PoolProposal, *, actor: str, reason: str) -> str:
    dismiss(row, actor=actor, reason=reason)
    return "The pool stays as it is, while the reason lasts."


APPROVE = Button(
    name="approve",
    title="Approve",
    permission=PERMISSION,
    applies=lambda row: row.state in UNDECIDED,
    act=_approve,
    warns="Another size drops the connections of every database in the pool once, within the windows of their owners.",
    icon="check",
)
DISMISS = Button(
    name="dismiss",
    title="Dismiss",
    permission=PERMISSION,
    applies=lambda row: row.state == PoolProposal.State.OPEN,
    act=_dismiss,
    warns="It is not proposed again while the reason lasts.",
    icon="block",
)


@admin.register(PoolProposal, site=console)
class PoolProposalPage(ReadOnlyPage):
    """Newest first."""

    list_display = ("pool_shown", "region", "step", "sizes", "cost", "because", "state_shown", "made")
    list_filter = ("state", "step", ("pool__server__region", admin.RelatedFieldListFilter))
    search_fields = ("=id", "pool__azure_name")
    ordering = ("-created_at",)
    buttons: ClassVar = (APPROVE, DISMISS)
    called: ClassVar = ("pool proposal", "pool proposals")
    empty_means = "Every pool has the size that it needs, or nothing was measured yet."

    def get_queryset(self, request: HttpRequest) -> QuerySet[PoolProposal]:
        rows: QuerySet[PoolProposal] = super().get_queryset(request)
        return rows.select_related("pool__server__region")

    @admin.display(description="pool", ordering="pool__azure_name")
    def pool_shown(self, row: PoolProposal) -> Any:
        return row.pool.azure_name

    @admin.display(description="region", ordering="pool__server__region")
    def region(self, row: PoolProposal) -> Any:
        return row.pool.server.region.display_name

    @admin.display(description="vCores")
    def sizes(self, row: PoolProposal) -> Any:
        return figure(f"{row.vcores_now} → {row.vcores if row.vcores is not None else 'none'}")

    @admin.display(description="cost a month")
    def cost(self, row: PoolProposal) -> Any:
        if row.cost_before is None or row.cost_after is None:
            return "unknown"
        return figure(f"{row.cost_before:,.0f} → {row.cost_after:,.0f} {row.currency}")

    @admin.display(description="state", ordering="state")
    def state_shown(self, row: PoolProposal) -> Any:
        return state(row.state)

    @admin.display(description="proposed", ordering="created_at")
    def made(self, row: PoolProposal) -> Any:
        return moment(row.created_at)

    def facts(self, row: PoolProposal) -> Sequence[Facts]:
        operation = Operation.objects.filter(pk=row.operation_id).first() if row.operation_id else None
        what = (
            ("Pool", row_link(row.pool)),
            ("Step", row.step),
            ("vCores", self.sizes(row)),
            ("Because", row.because),
            ("Cost a month", self.cost(row)),
            ("Prices", row.cost_note or NOTHING),
        )
        decision = (
            ("State", state(row.state)),
            ("Decided by", who(row.decided_by) if row.decided_by else "nobody"),
            ("Reason", row.reason or "none"),
            ("Decided", moment(row.decided_at, never="not yet")),
            ("Operation", row_link(operation, operation.kind) if operation else "none"),
        )
        return Facts("Proposal", what), Facts("Decision", decision)

"""Plans that spread load: what moves, what it is worth, how far from the best possible, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from controlplane.console.buttons import Button
from controlplane.console.display import BAD, NOTHING, WARNING, figure, label, moment, row_link, state, who
from controlplane.console.read_only import ReadOnlyPage
from controlplane.console.site import console
from controlplane.console.tables import Facts, Notice, Table
from placement.models import PlannedPool, RebalancePlan, RebalancingRules
from placement.rebalancing.deciding import approve, reject, resume, set_rules
from placement.rebalancing.outcomes import DIFFERS
from placement.rebalancing.planning import compute

State, Mode = RebalancePlan.State, RebalancingRules.Mode
PLANS = "placement.change_rebalanceplan"
RULES = "placement.change_rebalancingrules"


def vcores(amount: float | None) -> Any:
    """An amount of vCores, or a dash."""
    return NOTHING if amount is None else figure(f"{amount:.2f}")


def _approve(row: RebalancePlan, *, actor: str, reason: str) -> str:
    approve(row, actor=actor, reason=reason)
    return "Approved: the owners are told, and each move begins when its notice is over."


def _reject(row: RebalancePlan, *, actor: str, reason: str) -> str:
    reject(row, actor=actor, reason=reason)
    return "Rejected: what has not begun is not moved."


def _compute(row: RebalancingRules, *, actor: str, reason: str) -> str:
    plan = compute(row.region, actor=actor)
    return f"{plan.moves.count()} moves are planned." if plan.state == State.PROPOSED else plan.reason


def _resume(row: RebalancingRules, *, actor: str, reason: str) -> str:
    resume(row.region, actor=actor, reason=reason)
    return "The region's load may be spread again."


def _set_mode(mode: str) -> Any:
    def act(row: RebalancingRules, *, actor: str, reason: str) -> str:
        set_rules(row.region, {"mode": mode}, actor=actor)
        return f"The region is set to {mode}."

    return act


APPROVE = Button(
    name="approve",
    title="Approve",
    permission=PLANS,
    applies=lambda row: row.state == State.PROPOSED,
    act=_approve,
    warns="Owners are told; each database moves within its window, and its connections drop once.",
    icon="check",
)
REJECT = Button(
    name="reject",
    title="Reject",
    permission=PLANS,
    applies=lambda row: row.state in RebalancePlan.OPEN,
    act=_reject,
    warns="What has not begun is not moved; owners who were told hear so.",
    icon="block",
)
COMPUTE = Button(
    name="compute",
    title="Look for a plan now",
    permission=RULES,
    applies=lambda row: row.halted_at is None,
    act=_compute,
    warns="Every pool above its level is looked at. Nothing moves before the plan is approved.",
    icon="calculate",
)
RESUME = Button(
    name="resume",
    title="Resume",
    permission=RULES,
    applies=lambda row: row.halted_at is not None,
    act=_resume,
    warns="Plans are made again, and approved moves begin.",
    icon="play_arrow",
)
WARNS = {
    Mode.OFF: "No plans are made, and no move begins.",
    Mode.ADVISE: "Plans are proposed; an operator approves them.",
    Mode.ACT: "Plans are approved by themselves: owners are told, and databases move.",
}


def _mode_button(mode: RebalancingRules.Mode) -> Button:
    return Button(
        name=f"set-{mode}",
        title=f"Set to {mode.label.lower()}",
        permission=RULES,
        applies=lambda row: row.mode != mode,
        act=_set_mode(mode),
        warns=WARNS[mode],
        icon="tune",
    )


@admin.register(RebalancePlan, site=console)
class RebalancePlanPage(ReadOnlyPage):
    """Newest first."""

    list_display = ("made", "region_of", "state_shown", "moves_of", "before", "after", "least", "by")
    list_filter = ("state", "region")
    search_fields = ("=id", "region__name")
    ordering = ("-created_at",)
    buttons: ClassVar = (APPROVE, REJECT)
    called: ClassVar = ("rebalancing plan", "rebalancing plans")
    empty_means = "No pool needed relief yet, or nobody looked."

    def get_queryset(self, request: HttpRequest) -> QuerySet[RebalancePlan]:
        rows: QuerySet[RebalancePlan] = super().get_queryset(request)
        return rows.annotate(moves_planned=Count("moves"))

    def title_of(self, row: RebalancePlan) -> str:
        return f"Plan for {row.region_id}, {row.created_at:%Y-%m-%d %H:%M}"

    @admin.display(description="made", ordering="created_at")
    def made(self, row: RebalancePlan) -> Any:
        return moment(row.created_at)

    @admin.display(description="region", ordering="region")
    def region_of(self, row: RebalancePlan) -> str:
        return str(row.region_id)

    @admin.display(description="state", ordering="state")
    def state_shown(self, row: RebalancePlan) -> Any:
        return state(row.state)

    @admin.display(description="moves")
    def moves_of(self, row: Any) -> int:
        return int(row.moves_planned)

    @admin.display(description="above level", ordering="overage_before")
    def before(self, row: RebalancePlan) -> Any:
        return vcores(row.overage_before)

    @admin.display(description="then", ordering="overage_after")
    def after(self, row: RebalancePlan) -> Any:
        return vcores(row.overage_after)

    @admin.display(description="bound", ordering="bound")
    def least(self, row: RebalancePlan) -> Any:
        return vcores(row.bound)

    @admin.display(description="made by", ordering="created_by")
    def by(self, row: RebalancePlan) -> Any:
        return who(row.created_by)

    def facts(self, row: RebalancePlan) -> Sequence[Facts]:
        worth = (
            ("vCores above the levels", vcores(row.overage_before)),
            ("After all moves", vcores(row.overage_after)),
            ("Proven bound", vcores(row.bound)),
            ("Gap to it", vcores(row.gap)),
            ("Fewest moves that reach as much", f"{row.fewest_moves} at least, {row.moves.count()} planned"),
            ("Why no more", row.reason or "nothing is left to do"),
        )
        decision = (
            ("State", state(row.state)),
            ("Made by", who(row.created_by)),
            ("Decided by", who(row.decided_by) if row.decided_by else "nobody"),
            ("Because", row.decided_because or NOTHING),
            ("Ended", moment(row.ended_at, never="not yet")),
            ("Measured", moment(row.measured_at, never="not yet")),
        )
        return Facts("Worth", worth), Facts("Decision", decision)

    def tables(self, row: RebalancePlan) -> list[Table]:
        return [_moves(row), _pools(row)]


def _moves(plan: RebalancePlan) -> Table:
    rows = plan.moves.select_related("database", "source", "target").order_by("position")
    return Table(
        "Moves, in order; every part of them leaves all pools within their limits",
        ("database", "service", "from", "to", "gain", "both then", "state", "due", "reason"),
        [
            (
                row_link(move.database),
                f"{move.workspace}/{move.service}" if move.workspace else "warm",
                row_link(move.source),
                row_link(move.target),
                vcores(move.gain),
                format_html("{} / {}", vcores(move.source_after), vcores(move.target_after)),
                state(move.state),
                moment(move.due_at, never=NOTHING),
                move.reason or NOTHING,
            )
            for move in rows
        ],
        "Nothing moves.",
    )


def _pools(plan: RebalancePlan) -> Table:
    rows = PlannedPool.objects.filter(plan=plan).select_related("pool").order_by("-need_before", "pk")
    return Table(
        "Pools, in vCores",
        ("pool", "level", "needs", "then", "mean predicted", "mean measured", "outcome"),
        [
            (
                row_link(pool.pool),
                vcores(pool.level),
                vcores(pool.need_before),
                vcores(pool.need_after),
                vcores(pool.predicted_mean),
                vcores(pool.measured_mean),
                label(pool.outcome, BAD if pool.outcome == DIFFERS else "") if pool.outcome else NOTHING,
            )
            for pool in rows
        ],
        "No pool is touched.",
    )


@admin.register(RebalancingRules, site=console)
class RebalancingRulesPage(ReadOnlyPage):
    """Regions by name."""

    list_display = ("region_of", "mode_of", "halted", "looked")
    ordering = ("region",)
    buttons: ClassVar = (COMPUTE, RESUME, *(_mode_button(mode) for mode in Mode))
    called: ClassVar = ("region's rules", "rebalancing rules")
    empty_means = "Rules are made when a region's pools were first measured."

    def title_of(self, row: RebalancingRules) -> str:
        return f"Rebalancing in {row.region_id}"

    @admin.display(description="region", ordering="region")
    def region_of(self, row: RebalancingRules) -> str:
        return str(row.region_id)

    @admin.display(description="mode", ordering="mode")
    def mode_of(self, row: RebalancingRules) -> str:
        return str(row.get_mode_display())

    @admin.display(description="halted", ordering="halted_at")
    def halted(self, row: RebalancingRules) -> Any:
        return label("halted", BAD, title=row.halted_because) if row.halted_at else NOTHING

    @admin.display(description="last look", ordering="planned_at")
    def looked(self, row: RebalancingRules) -> Any:
        return moment(row.planned_at, never="never")

    def notices(self, row: RebalancingRules) -> list[Notice]:
        return [Notice(WARNING, "Halted", row.halted_because)] if row.halted_at else []

    def facts(self, row: RebalancingRules) -> Sequence[Facts]:
        budgets = (
            ("Moves in a plan", row.most_moves),
            ("Moves an hour", row.moves_an_hour),
            ("At once, of a pool", row.pool_at_once),
            ("At once, on a server", row.server_at_once),
            ("A week, of a workspace", row.workspace_a_week),
            ("Objections of a workspace in 90 days", row.objections),
        )
        times = (
            ("Mode", row.get_mode_display()),
            ("Looks for a plan every", f"{row.plan_every_hours} hours"),
            ("Notice to owners", f"{row.notice_hours} hours"),
            ("A pool settles for", f"{row.settle_hours} hours"),
            ("A database rests for", f"{row.cooldown_days} days"),
            ("Nobody goes back for", f"{row.no_return_days} days"),
            ("Longest deferral", f"{row.longest_deferral_days} days"),
            ("Judged after", f"{row.measure_hours} hours, to {row.tolerance_percent}% of a pool's vCores"),
        )
        return Facts("Budgets", budgets), Facts("Times", times)

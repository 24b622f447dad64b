"""Stocks of databases that are kept ready: what stands there, what it serves, and what it costs while nobody uses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.console.buttons import Button
from controlplane.console.display import BAD, GOOD, bar, figure, label, moment, row_link, size, state
from controlplane.console.read_only import ReadOnlyPage
from controlplane.console.site import console
from controlplane.console.tables import Facts, Notice, Table
from provisioning.changes.prices import price_book
from provisioning.models import WarmDatabase, WarmStock
from provisioning.warm.stocks import figures, resume

SHOWN = 50


def _resume(row: WarmStock, *, actor: str, reason: str) -> str:
    resume(row, actor=actor, reason=reason)
    return f"{row.name} is filled again."


RESUME = Button(
    name="resume",
    title="Fill it again",
    permission="provisioning.change_warmstock",
    applies=lambda row: row.halted_at is not None,
    act=_resume,
    warns="Makings failed one after the other; if the cause is still there, they will again.",
    icon="play_arrow",
)


@admin.register(WarmStock, site=console)
class WarmStockPage(ReadOnlyPage):
    """By name."""

    list_display = ("name", "region", "kind", "tier", "held", "served_share", "idle_cost", "condition")
    list_filter = ("region", "kind", "service_tier")
    search_fields = ("name",)
    ordering = ("name",)
    buttons: ClassVar = (RESUME,)
    called: ClassVar = ("warm stock", "warm stocks")
    empty_means = "No stock is defined: every database is created when it is asked for."

    def get_queryset(self, request: HttpRequest) -> QuerySet[WarmStock]:
        rows: QuerySet[WarmStock] = super().get_queryset(request)
        return rows.filter(removed_at=None)

    @admin.display(description="tier", ordering="service_tier")
    def tier(self, row: WarmStock) -> str:
        return row.service_tier

    @admin.display(description="idle / wanted")
    def held(self, row: WarmStock) -> Any:
        idle = figures(row).idle
        return bar(idle, max(row.wanted, 1), f"{idle} / {row.wanted}")

    @admin.display(description="served, 4 weeks")
    def served_share(self, row: WarmStock) -> Any:
        now = figures(row)
        return f"{now.served} of {now.wished}"

    @admin.display(description="idle, a month")
    def idle_cost(self, row: WarmStock) -> Any:
        return _money(figures(row).idle_cost)

    @admin.display(description="state")
    def condition(self, row: WarmStock) -> Any:
        if row.halted_at:
            return label("halted", BAD)
        return label("on", GOOD) if row.is_on else label("off")

    def notices(self, row: WarmStock) -> Sequence[Notice]:
        if row.halted_at is None:
            return ()
        return (Notice(BAD, "Makings failed one after the other", "Nothing is made until it is filled again."),)

    def facts(self, row: WarmStock) -> Sequence[Facts]:
        now, by = figures(row), row.reason
        stands = (
            ("Idle", figure(str(now.idle))),
            ("Being made", now.making),
            ("Stale, to be replaced", now.stale),
            ("Active (of services)", now.active),
            ("Served, of wished in 4 weeks", f"{now.served} of {now.wished}"),
            ("One idle, a month", _money(now.cost_of_one)),
            ("All idle, a month", _money(now.idle_cost)),
        )
        wanted = (
            ("Wanted", row.wanted),
            ("Bounds", f"{row.least} to {row.most}"),
            ("Goal", f"{row.goal:.0%} of wishes find one"),
            ("Budget for idle ones", _money(row.monthly_budget) if row.monthly_budget is not None else "none"),
            ("Arrivals an hour", by.get("arrivals_an_hour", "-")),
            ("Refill takes", f"{by.get('refill_seconds', '-')} s"),
            ("Decided by", by.get("bound_by", "-")),
            ("Counted", moment(row.sized_at, never="not yet")),
            ("Size of each", size(row.size_bytes)),
        )
        return Facts("What stands there", stands), Facts("How many are wanted", wanted)

    def tables(self, row: WarmStock) -> Sequence[Table]:
        rows = row.databases.select_related("database").order_by("-made_at")[:SHOWN]
        return (
            Table(
                "Databases, the latest first",
                ("Database", "In stock", "Status", "Made", "Last proved", "Why it went"),
                [_line(one) for one in rows],
                "Nothing was made yet.",
            ),
        )


def _line(one: WarmDatabase) -> tuple[Any, ...]:
    proved = one.proved_at or one.database.ready_at
    return (
        row_link(one.database),
        state(one.state),
        state(one.database.status),
        moment(one.made_at),
        moment(proved, never="not yet"),
        one.why or "",
    )


def _money(amount: float | None) -> str:
    if amount is None:
        return "no price known"
    return f"{amount:,.2f} {price_book(settings.PRICES_FILE)['currency']}"

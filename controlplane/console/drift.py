"""Differences from Azure on the first page: banners, a figure, and the worst of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from controlplane.console.display import BAD, WARNING, moment, page_address, state
from controlplane.console.tables import Notice, Table
from controlplane.console.targets import Targets
from provisioning.models import Finding

Severity = Finding.Severity
SHOWN = 10
EMPTY = "Azure shows everything as we want it."
HEADINGS = ("Severity", "What", "Where", "Property", "Wanted", "Azure says", "State", "Since")


@dataclass(frozen=True, slots=True)
class Drift:
    """The first page's share of the findings."""

    count: int
    tone: str
    table: Table
    banners: Sequence[Notice]


def drift() -> Drift:
    """All of it in few queries."""
    rows = Finding.objects.filter(state__in=Finding.STANDING)
    counts = dict(rows.values_list("severity").annotate(n=Count("pk")))
    found = list(rows.order_by("severity", "first_seen_at")[:SHOWN])
    targets = Targets(one.target for one in found)
    more = f"{page_address(Finding, 'changelist')}?state__exact=open"
    table = Table("Drifting", HEADINGS, [_row(one, targets) for one in found], EMPTY, more=more, name="drifting")
    critical = counts.get(Severity.CRITICAL, 0)
    return Drift(sum(counts.values()), BAD if critical else WARNING, table, _banners(critical, found))


def _banners(critical: int, worst: Sequence[Finding]) -> list[Notice]:
    """What must be read first: repairs that have stopped, and what is critical."""
    notices = []
    stopped = next((one for one in worst if one.kind == Finding.Kind.STOPPED), None)
    if stopped is not None:
        text = f"{stopped.observed} resources differ from what we want, more than {stopped.expected}: a human decides."
        notices.append(Notice(BAD, "Repairs have stopped", text))
    others = critical - (stopped is not None)
    if others:
        notices.append(Notice(BAD, "Critical differences from Azure", f"{others} open; the worst stand below."))
    return notices


def _row(one: Finding, targets: Targets) -> tuple[Any, ...]:
    return (
        state(one.get_severity_display()),
        one.get_kind_display(),
        targets.link(one.target),
        one.attribute,
        one.expected,
        one.observed,
        state(one.state),
        moment(one.first_seen_at),
    )

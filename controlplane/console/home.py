"""What an operator must know at three in the morning: is something wrong, what, and where. Few queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Min, Q, QuerySet, Sum
from django.db.models.functions import Greatest
from django.urls import reverse
from django.utils import timezone

from controlplane.console.cordons import status_of
from controlplane.console.display import (
    BAD,
    GOOD,
    NOTHING,
    WARNING,
    bar,
    moment,
    page_address,
    row_link,
    span,
    state,
)
from controlplane.console.drift import drift
from controlplane.console.expiry import banners, ending_table, tone_of
from controlplane.console.fullness import by_fullness, databases_bar, storage_bar, vcores_bar
from controlplane.console.outgrowing import outgrowing_banners
from controlplane.console.recent import EVENT_HEADINGS, event_rows
from controlplane.console.tables import Notice, Table
from controlplane.console.targets import Targets, name_of
from inventory.models import Database, ElasticPool, SqlServer
from operations import selectors
from operations.clock import database_now
from operations.models import AuditEvent, Operation
from rotation.outlook import outlook

State = Operation.State
SHOWN = 10
LATE_SECONDS = 60.0  # something due for longer: workers do not keep up, or do not run
MISSED_LOOKS = 3  # as many idle intervals without a look, and a server counts as not seen lately
TIB = 2**40


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with its name; `address` is where its rows are."""

    title: str
    value: str
    tone: str
    about: str
    address: str


@dataclass(frozen=True, slots=True)
class Home:
    """Everything on the first page."""

    banners: Sequence[Notice]
    verdict: Notice
    figures: Sequence[Figure]
    wrong: Sequence[Table]
    well: Sequence[str]
    states: Sequence[Table]
    room: Sequence[Table]
    refusals: Table


def home() -> Home:
    """Look at everything once."""
    now = database_now()
    by_state = selectors.counts_by_state()
    due = selectors.due_operations().aggregate(count=Count("pk"), oldest=Min("due_at"))
    unseen, broken = _unseen_servers(now), _broken()
    drifting, ahead = drift(), outlook()
    figures = [
        _attention(by_state.get(State.NEEDS_ATTENTION, 0)),
        _due(due["count"], due["oldest"], now),
        _retrying(),
        _count("Broken", len(broken), "pools, servers and databases that failed", "#broken"),
        _count("Not seen lately", unseen.count(), "servers without a look", "#unseen"),
        _count("Drifting", drifting.count, "differences from Azure", "#drifting", tone=drifting.tone),
        _count(
            "Ending soon", ahead.within[max(ahead.within)], "credentials not renewed", "#ending", tone=tone_of(ahead)
        ),
    ]
    looked_at = [_stuck(), ending_table(), _broken_table(broken), _unseen(unseen), drifting.table, _waiting()]
    return Home(
        banners=[*drifting.banners, *outgrowing_banners(), *banners(ahead)],
        verdict=_verdict(figures),
        figures=figures,
        wrong=[table for table in looked_at if table.rows],
        well=[table.empty for table in looked_at if not table.rows],
        states=[_operations_by_state(by_state), _databases_by_status()],
        room=[_regions(), _fullest()],
        refusals=_refusals(),
    )


def _verdict(figures: Iterable[Figure]) -> Notice:
    bad = [f"{figure.title.lower()}: {figure.value}" for figure in figures if figure.tone == BAD]
    odd = [f"{figure.title.lower()}: {figure.value}" for figure in figures if figure.tone == WARNING]
    if bad:
        return Notice(BAD, "Somebody is needed", ", ".join([*bad, *odd]))
    if odd:
        return Notice(WARNING, "Worth a look", ", ".join(odd))
    return Notice(
        GOOD, "Nothing needs you", "No operation is stuck or late, nothing has failed, every server was seen."
    )


def _attention(count: int) -> Figure:
    address = f"{page_address(Operation, 'changelist')}?show=attention"
    return _count("Needs attention", count, "operations that a human must decide", address)


def _due(count: int, oldest: datetime | None, now: datetime) -> Figure:
    age = (now - oldest).total_seconds() if oldest else 0.0
    tone = BAD if age > LATE_SECONDS else GOOD
    about = f"oldest waits {span(age)} for a worker" if count else "nobody waits for a worker"
    return Figure("Due", str(count), tone, about, f"{page_address(Operation, 'changelist')}?show=due")


def _retrying() -> Figure:
    """Operations between two attempts, by the error they met: an outage or throttling shows here first."""
    rows = Operation.objects.filter(state=State.RUNNING).exclude(error_code="").values_list("error_code")
    codes = list(rows.annotate(n=Count("pk")).order_by("-n"))
    about = ", ".join(f"{code} {n}" for code, n in codes[:3]) or "no call to Azure fails or is throttled"
    address = f"{page_address(Operation, 'changelist')}?show=retrying"
    return _count("Retrying", sum(n for _, n in codes), about, address, tone=WARNING)


def _count(title: str, count: int, about: str, address: str, *, tone: str = BAD) -> Figure:
    return Figure(title, str(count), tone if count else GOOD, about, address)


def _stuck() -> Table:
    found = list(selectors.operations_needing_attention()[:SHOWN])
    since = _stuck_since(found)
    targets = Targets(one.target_key for one in found)
    rows = [
        (
            row_link(one, one.kind),
            targets.link(one.target_key),
            f"{one.error_code}: {one.error_message}",
            one.step,
            moment(since.get(one.pk, one.created_at)),
        )
        for one in found
    ]
    headings = ("Operation", "Target", "Reason", "Step", "Stuck since")
    more = f"{page_address(Operation, 'changelist')}?show=attention"
    empty = "No operation waits for a human decision."
    return Table("Needs attention, longest first", headings, rows, empty, more=more, name="attention")


def _stuck_since(found: Sequence[Operation]) -> dict[object, datetime]:
    """When each came to need attention, as the audit log has it."""
    events = AuditEvent.objects.filter(operation_id__in=[one.pk for one in found], action="operation.needs_attention")
    return dict(events.order_by("at").values_list("operation_id", "at"))


def _broken() -> list[Database | ElasticPool | SqlServer]:
    """Whatever has failed; servers and pools first, for others depend on them."""
    failed: list[Database | ElasticPool | SqlServer] = []
    failed += SqlServer.objects.filter(status="failed").order_by("azure_name")[:100]
    failed += ElasticPool.objects.filter(status="failed").order_by("azure_name")[:100]
    failed += Database.objects.filter(status="failed").select_related("service__workspace").order_by("created_at")[:100]
    return failed


def _broken_table(failed: Sequence[Database | ElasticPool | SqlServer]) -> Table:
    rows = [
        (
            str(row._meta.verbose_name),
            row_link(row, name_of(row)),
            row.error_code or NOTHING,
            row.error_message or NOTHING,
        )
        for row in failed[:SHOWN]
    ]
    empty = "No server, pool or database has failed."
    more = f"{page_address(Database, 'changelist')}?status__exact=failed"
    return Table("Broken", ("What", "Which", "Code", "Reason"), rows, empty, more=more, name="broken")


def _waiting() -> Table:
    waits = Q(state=State.RUNNING, lease_until__isnull=True) & ~Q(waits_why="")
    found = list(Operation.objects.filter(waits).order_by("created_at")[:SHOWN])
    targets = Targets(one.target_key for one in found)
    rows = [
        (row_link(one, one.kind), targets.link(one.target_key), one.step, one.waits_why, moment(one.created_at))
        for one in found
    ]
    headings = ("Operation", "Target", "Step", "Waits for", "Asked for")
    more = f"{page_address(Operation, 'changelist')}?show=waiting"
    return Table("Waiting longest", headings, rows, "No operation waits for Azure or for another one.", more=more)


def _unseen_servers(now: datetime) -> QuerySet[SqlServer]:
    """Servers that should have been looked at and were not: the observer is down, or Azure refuses it."""
    limit = now - timedelta(seconds=MISSED_LOOKS * settings.OBSERVE_IDLE_SECONDS)
    late = Q(last_seen_at__lt=limit) | Q(last_seen_at__isnull=True, created_at__lt=limit)
    return (
        SqlServer.objects.annotate(last_seen_at=Greatest("observed_at", "listed_at"))
        .filter(late)
        .exclude(status="deleted")
        .select_related("region")
        .order_by(F("last_seen_at").asc(nulls_first=True))
    )


def _unseen(servers: QuerySet[SqlServer]) -> Table:
    rows = [
        (row_link(one), state(one.status), one.region.display_name, moment(one.seen_at, never="never"))
        for one in servers[:SHOWN]
    ]
    empty = "Every server was looked at lately."
    return Table("Servers not seen lately", ("Server", "State", "Region", "Last seen"), rows, empty, name="unseen")


def _operations_by_state(counts: dict[str, int]) -> Table:
    rows = [(state(name), f"{counts.get(name, 0):,}") for name in State.values]
    return Table("Operations", ("State", "Count"), rows, "", more=page_address(Operation, "changelist"))


def _databases_by_status() -> Table:
    counts = dict(Database.objects.values_list("status").annotate(n=Count("pk")))
    address = page_address(Database, "changelist")
    rows = [(state(name), f"{counts.get(name, 0):,}") for name in Database.Status.values]
    return Table("Databases", ("State", "Count"), rows, "", more=address)


def _regions() -> Table:
    present = ElasticPool.objects.exclude(status="deleted").values("server__region__display_name")
    sums = present.annotate(
        pools=Count("pk"),
        used=Sum("bytes_committed"),
        limit=Sum("max_size_bytes"),
        inside=Sum("databases_committed"),
    ).order_by("server__region__display_name")
    rows = [_region(one) for one in sums]
    headings = ("Region", "Pools", "Databases", "Storage promised")
    return Table("Room by region", headings, rows, "There is no pool yet.")


def _region(sums: Mapping[str, Any]) -> tuple[object, ...]:
    used, limit = sums["used"] / TIB, sums["limit"] / TIB
    figure = bar(used, limit, f"{used:,.1f} / {limit:,.1f} TiB")
    return sums["server__region__display_name"], sums["pools"], sums["inside"], figure


def _fullest() -> Table:
    pools = by_fullness(ElasticPool.objects.exclude(status="deleted").select_related("server__region"))
    rows = [
        (
            row_link(one),
            one.server.region.display_name,
            status_of(one),
            storage_bar(one),
            databases_bar(one),
            vcores_bar(one),
        )
        for one in pools[:SHOWN]
    ]
    headings = ("Pool", "Region", "State", "Storage promised", "Databases", "vCores expected")
    more, empty = (
        page_address(ElasticPool, "changelist"),
        "There is no pool: the first is made when a database needs it.",
    )
    return Table("Pools, fullest first", headings, rows, empty, more=more, name="pools")


def _refusals() -> Table:
    found = AuditEvent.objects.filter(outcome__in=("refused", "failed"), at__gt=timezone.now() - timedelta(days=7))
    more = f"{reverse('console:audit')}?outcome=trouble"
    empty = "Nothing was refused and nothing has failed within seven days."
    return Table("Refusals and failures", EVENT_HEADINGS, event_rows(found[:SHOWN]), empty, more=more)

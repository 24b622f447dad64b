"""What a Prometheus server scrapes: the engine's figures, asked of PostgreSQL at that moment.

No label names a workspace, a database or an operation. While PostgreSQL is away the answer says that, and no more.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from controlplane import heartbeats
from controlplane.health import broker_state, database_state
from notifications.figures import figures
from operations import clock, counting
from operations.models import Heartbeat
from provisioning.growth.proposals import ALERT_DAYS
from provisioning.models import Finding, GrowthProposal
from rotation.outlook import outlook

LOOPBACK = frozenset({"127.0.0.1", "::1"})
AGES = """
SELECT coalesce(extract(epoch FROM max(operations_now() - due_at) FILTER (WHERE due_at <= operations_now())), 0)::float8,
       count(*) FILTER (WHERE due_at <= operations_now()),
       coalesce(extract(epoch FROM max(operations_now() - started_at)), 0)::float8
FROM operations_operation WHERE state IN ('queued', 'running') AND follows_id IS NULL
"""
BY_KIND = """
SELECT kind, CASE WHEN state = 'running' AND lease_until IS NULL AND due_at > operations_now() THEN 'waiting' ELSE state END,
       count(*)
FROM operations_operation WHERE state IN ('queued', 'running', 'needs_attention') GROUP BY 1, 2
"""
UNFINISHED = "SELECT count(*) FROM operations_step_run WHERE finished_at IS NULL"
CONNECTIONS = """
SELECT count(*), current_setting('max_connections')::int FROM pg_stat_activity WHERE backend_type = 'client backend'
"""
FINDINGS = "SELECT severity, kind, state, count(*) FROM provisioning_finding WHERE state <> 'resolved' GROUP BY 1, 2, 3"
REVIEWS = """
SELECT coalesce(extract(epoch FROM max(operations_now() - coalesce(looked_at, due_at))), 0)::float8 FROM provisioning_review
"""
COUNTED = {
    "lease_expiries": "Leases that ran out: their worker died, hung or was paused.",
    "zombies_rejected": "Records refused because another worker had taken the row over.",
    "failed_attempts": "Runs of a step that ended in an error and will be repeated.",
}


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The text format of Prometheus. For loopback, or whoever has METRICS_TOKEN; in production only the token counts."""
    if not _may_read(request):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    token: str = settings.METRICS_TOKEN.reveal()
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and hmac.compare_digest(given.encode(), token.encode()):
        return True
    return not settings.IN_PRODUCTION and not token and request.META.get("REMOTE_ADDR") in LOOPBACK


class _Figures:
    """Everything of one scrape."""

    def collect(self) -> Iterator[Metric]:
        state = database_state()
        yield _gauge("database_writable", "1 where PostgreSQL takes writes.", float(state == "reachable"))
        yield _gauge("broker_up", "1 where the broker answers.", float(broker_state() != "unreachable"))
        if state in ("reachable", "read-only"):
            try:
                yield from _all_of_postgresql()
            except DatabaseError:
                yield _gauge("scrape_failed", "1 where PostgreSQL gave up while we asked.", 1.0)


def _all_of_postgresql() -> Iterator[Metric]:
    yield from _engine()
    yield from _counts()
    yield from _credentials()
    yield from _notifications()
    yield from _findings()
    yield from _processes()


def _engine() -> Iterator[Metric]:
    age, due, oldest = _row(AGES)
    yield _gauge("due_unclaimed_age_seconds", "How long the oldest due operation has waited for a worker.", age)
    yield _gauge("due_unclaimed", "Operations that are due and nobody's.", due)
    yield _gauge("oldest_running_age_seconds", "Age of the oldest operation that has begun and not ended.", oldest)
    yield _gauge(
        "unfinished_step_runs", "Steps that act outside, begun and not ended: maybe happened.", _row(UNFINISHED)[0]
    )
    in_flight = GaugeMetricFamily("spp_operations", "Operations that have not ended.", labels=("kind", "state"))
    with connection.cursor() as cursor:
        cursor.execute(BY_KIND)
        for kind, state, number in cursor.fetchall():
            in_flight.add_metric((kind, state), number)
    yield in_flight


def _counts() -> Iterator[Metric]:
    totals = counting.totals()
    for name, meaning in COUNTED.items():
        yield CounterMetricFamily(f"spp_{name}", meaning, value=totals.get(name, 0.0))
    so_far, buckets = 0.0, []
    for bound in counting.WAIT_BOUNDS:
        so_far += totals.get(f"claim_wait:{bound}", 0.0)
        buckets.append(("+Inf" if bound == float("inf") else str(bound), so_far))
    waited = HistogramMetricFamily("spp_claim_wait_seconds", "From due to claimed by a worker.")
    waited.add_metric((), buckets, totals.get("claim_wait_seconds", 0.0))
    yield waited


def _credentials() -> Iterator[Metric]:
    """How near their end credentials are; an alert rule on days="7" > 0 wakes somebody in time."""
    seen = outlook()
    ending = GaugeMetricFamily(
        "spp_credentials_ending", "Active credentials that end within so many days; 0: have ended.", labels=("days",)
    )
    for days, count in seen.within.items():
        ending.add_metric((str(days),), count)
    yield ending
    yield _gauge("credentials_failing", "Active credentials whose last rotation failed.", seen.failing)
    yield _gauge("administrators_ending", "Servers whose administrator's password ends soon.", seen.administrators)
    ends = (
        ("credential", seen.first_ends_at),
        ("administrator", seen.administrator_first_ends_at),
        ("own_secret", seen.own_secret_ends_at),
    )
    for name, moment in ends:
        left = (moment - clock.now()).total_seconds() if moment else float("inf")
        yield _gauge(f"{name}_seconds_left", "Until the first of them ends; negative: overdue.", left)


def _notifications() -> Iterator[Metric]:
    """Alert on the age: it grows whether workers, receivers or the vault are in trouble."""
    seen = figures()
    yield _gauge("outbox_age_seconds", "Age of the oldest event that was not handed out yet.", seen.outbox_age)
    yield _gauge("outbox_waiting", "Events that were not handed out yet.", seen.outbox)
    yield _gauge("notifications_undelivered_age_seconds", "Age of the oldest event on its way.", seen.undelivered_age)
    yield _gauge("notifications_undelivered", "Events on their way to a receiver.", seen.undelivered)
    yield _gauge("notifications_dead_letters", "Events that were given up and not sent again.", seen.dead_letters)
    yield _gauge("receivers_failing", "Active receivers that nothing reaches.", seen.receivers_failing)


def _findings() -> Iterator[Metric]:
    """What differs from Azure, by severity and kind; an alert rule on severity="critical" > 0 wakes somebody."""
    findings = GaugeMetricFamily(
        "spp_findings", "Differences from Azure that are not resolved.", labels=("severity", "kind", "state")
    )
    with connection.cursor() as cursor:
        cursor.execute(FINDINGS)
        for severity, kind, state, number in cursor.fetchall():
            findings.add_metric((Finding.Severity(severity).label, kind, state), number)
    yield findings
    outgrowing = GaugeMetricFamily(
        "spp_outgrowing", "Databases and pools that will be full within so many days; 0: are.", labels=("days",)
    )
    for days in ALERT_DAYS:
        rows = GrowthProposal.objects.exclude(state__in=GrowthProposal.OVER).filter(days_left__lte=days)
        outgrowing.add_metric((str(days),), rows.count())
    yield outgrowing
    late = _row(REVIEWS)[0]
    yield _gauge("oldest_comparison_age_seconds", "Since the server that was compared longest ago was compared.", late)


def _processes() -> Iterator[Metric]:
    used, limit = _row(CONNECTIONS)
    yield _gauge("database_connections", "Sessions of all clients.", used)
    yield _gauge("database_connections_limit", "What PostgreSQL allows.", limit)
    everybody = heartbeats.lives()
    workers = [life for life in everybody if life.kind == Heartbeat.Kind.WORKER]
    yield _gauge("workers_late", "Workers whose canary is overdue.", sum(life.late for life in workers))
    canaries = GaugeMetricFamily("spp_canary_age_seconds", "Age of the freshest canary of a queue.", labels=("queue",))
    for queue in settings.QUEUES:
        ages = [life.age_seconds for life in workers if queue in life.queues]
        canaries.add_metric((queue,), min(ages, default=float("inf")))
    yield canaries
    beats = [life.age_seconds for life in everybody if life.kind == Heartbeat.Kind.BEAT]
    yield _gauge("beat_age_seconds", "Since beat last ticked as leader.", min(beats, default=float("inf")))


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"spp_{name}", meaning, value=value)


def _row(query: str) -> tuple[float, ...]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        row: tuple[float, ...] = cursor.fetchone()
    return row

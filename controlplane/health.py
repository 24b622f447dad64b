"""What an orchestrator asks: are you alive, and may you get work?"""

from __future__ import annotations

import redis
import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from controlplane import heartbeats
from operations.models import Heartbeat

log = structlog.get_logger(__name__)

BROKER_SECONDS = 1.0
_migrated = False  # once true it stays so: our code does not change while we run, and migrations only go forward


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the process answers at all; asks nothing of others, so that their outage restarts nobody."""
    return JsonResponse({"status": "alive"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """503 where PostgreSQL does not answer, lacks our tables or takes no writes: a wish could not be kept.

    200 otherwise, with status `degraded` where the broker, a worker or beat does not do its part: wishes are kept all
    the same and work is late, not lost, so that no orchestrator should take the API away for it.
    """
    found = {"postgresql": database_state(), "broker": broker_state()}
    if found["postgresql"] != "reachable":
        return JsonResponse({"status": "unavailable", **found}, status=503)
    found |= _processes()
    well = found["broker"] != "unreachable" and found["workers"] == found["beat"] == "alive"
    return JsonResponse({"status": "ready" if well else "degraded", **found})


def _processes() -> dict[str, str]:
    """What workers and beat have proved lately, in words."""
    everybody = heartbeats.lives()
    unread = heartbeats.unread_queues(everybody)
    late = sorted(life.name for life in everybody if life.late and life.kind == Heartbeat.Kind.WORKER)
    trouble = [f"late: {', '.join(late)}"] * bool(late) + [f"nobody reads {', '.join(unread)}"] * bool(unread)
    ticking = any(life.name == heartbeats.BEAT and not life.late for life in everybody)
    return {"workers": "; ".join(trouble) or "alive", "beat": "alive" if ticking else "late"}


def database_state() -> str:
    """reachable, read-only, not migrated or unreachable."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('transaction_read_only')")
            read_only = cursor.fetchone()[0] == "on"  # also on a standby
        if not _is_migrated():
            return "not migrated"
        return "read-only" if read_only else "reachable"
    except DatabaseError:
        log.warning("health.database_unreachable", exc_info=True)
        return "unreachable"


def _is_migrated() -> bool:
    """True once every migration that this code knows is applied."""
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated


def broker_state() -> str:
    """reachable, unreachable (also when it is frozen), or in memory."""
    if not settings.BROKER_URL.startswith(("redis://", "rediss://")):
        return "in memory"
    patience = {"socket_timeout": BROKER_SECONDS, "socket_connect_timeout": BROKER_SECONDS}
    try:
        with redis.Redis.from_url(settings.BROKER_URL, **patience) as broker:
            broker.ping()
    except redis.RedisError:
        log.warning("health.broker_unreachable", exc_info=True)
        return "unreachable"
    return "reachable"

"""What an orchestrator asks: are you alive, and may you get work?"""

from __future__ import annotations

import redis
import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

log = structlog.get_logger(__name__)

BROKER_SECONDS = 1.0
_migrated = False  # once true it stays so: our code does not change while we run, and migrations only go forward


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the process answers at all; asks nothing of others, so that their outage restarts nobody."""
    return JsonResponse({"status": "alive"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 where PostgreSQL answers and has our tables, else 503.

    The broker is told of but stops nothing: without it a wish is kept all the same, and work is late, not lost.
    """
    found = {"postgresql": _database_state(), "broker": _broker_state()}
    if found["postgresql"] != "reachable":
        return JsonResponse({"status": "unavailable", **found}, status=503)
    return JsonResponse({"status": "ready", **found})


def _database_state() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return "reachable" if _is_migrated() else "not migrated"
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


def _broker_state() -> str:
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

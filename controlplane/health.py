"""What an orchestrator asks: are you alive, and may you get work?"""

from __future__ import annotations

import structlog
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

log = structlog.get_logger(__name__)


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the process answers at all; asks nothing of others, so that their outage restarts nobody."""
    return JsonResponse({"status": "alive"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 where PostgreSQL answers, else 503. The broker is not asked: without it work is late, not wrong."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        log.warning("health.database_unreachable", exc_info=True)
        return JsonResponse({"status": "unavailable", "postgresql": "unreachable"}, status=503)
    return JsonResponse({"status": "ready", "postgresql": "reachable"})

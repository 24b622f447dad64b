"""Servers and resource groups are compared one after the other, slowly, each by one reviewer at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import Error, connection

from cloud.errors import CloudError
from inventory.models import SqlServer
from inventory.states import Status
from provisioning.drift.comparing import compare_group, compare_server, group_scope
from provisioning.drift.findings import record
from provisioning.drift.looking import look_at_group, look_at_server
from provisioning.models import Review

log = structlog.get_logger(__name__)

CLAIM = """
WITH due AS (
    SELECT scope FROM provisioning_review
    WHERE due_at <= operations_now() AND (lease_until IS NULL OR lease_until < operations_now())
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE provisioning_review r
SET token = gen_random_uuid(), lease_until = operations_now() + %(lease)s * interval '1 second'
FROM due WHERE r.scope = due.scope RETURNING r.*
"""

RELEASE = """
UPDATE provisioning_review SET lease_until = NULL, due_at = operations_now() + %(wait)s * interval '1 second',
       looked_at = coalesce(%(at)s, looked_at), cursor = coalesce(%(cursor)s, cursor)
WHERE scope = %(scope)s AND token = %(token)s
"""

SOON = """
UPDATE provisioning_review SET due_at = least(due_at, operations_now() + %s * interval '1 second') WHERE scope = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a review came to. `soon`: something has to be confirmed. Without `at` nothing was looked at."""

    soon: bool = False
    at: datetime | None = None
    cursor: str | None = None


def review_due(limit: int = 4) -> int:
    """Compare whatever is due with what Azure shows. Returns how many were due."""
    _come_to_know()
    reviews = list(Review.objects.raw(CLAIM, {"limit": limit, "lease": settings.OPERATIONS_LEASE_SECONDS}))
    for review in reviews:
        _review(review)
    return len(reviews)


def look_again_soon(scopes: list[str], seconds: float) -> None:
    """Bring the next look near, e.g. after a repair."""
    with connection.cursor() as cursor:
        cursor.execute(SOON, [seconds, scopes])


def _come_to_know() -> None:
    """Servers, and their groups, that were made since."""
    scopes: set[str] = set()
    for server in SqlServer.objects.filter(status=Status.READY).only("pk", "subscription_id", "resource_group"):
        scopes |= {server.key, group_scope(server.subscription_id, server.resource_group)}
    known = set(Review.objects.filter(scope__in=scopes).values_list("scope", flat=True))
    Review.objects.bulk_create([Review(scope=scope) for scope in sorted(scopes - known)], ignore_conflicts=True)


def _review(review: Review) -> None:
    """Look once and let it go whatever happens; a look that fails, or is a part only, changes nothing."""
    wait, found = float(settings.DRIFT_SECONDS), _Looked()
    try:
        found = _compare(review)
        wait = float(settings.DRIFT_CONFIRM_SECONDS) if found.soon else wait
    except CloudError as error:
        log.warning("drift.look_failed", scope=review.scope, code=error.code)
        wait = max(float(settings.DRIFT_CONFIRM_SECONDS), error.retry_after or 0.0)
    except Error as error:
        log.warning("drift.not_recorded", scope=review.scope, error=type(error).__name__)
    values: dict[str, Any] = {"wait": wait, "scope": review.scope, "token": review.token}
    values |= {"at": found.at, "cursor": found.cursor}
    with connection.cursor() as cursor:
        cursor.execute(RELEASE, values)


def _compare(review: Review) -> _Looked:
    kind, _, name = review.scope.partition(":")
    if kind == "group":
        group = look_at_group(*name.split("/", 1))
        return _Looked(soon=record(compare_group(group)), at=group.at)
    server = SqlServer.objects.filter(pk=name, status=Status.READY).first()
    if server is None:
        return _Looked()
    look = look_at_server(server, review.cursor)
    return _Looked(soon=record(compare_server(look)), at=look.at, cursor=look.last)

"""One listing a server, for all who wait there: what has changed is written, and whoever waited for it is made due.

A listing that fails, or is a part only, changes nothing: unknown is not absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import Error, connection, models, transaction

from cloud import factory
from cloud.errors import CloudError
from cloud.protocols import ObservedDatabase, ObservedPool, ObservedServer
from inventory.models import Database, ElasticPool, SqlServer
from inventory.states import Status
from operations.clock import database_now
from operations.failpoints import hit
from operations.waking import wake
from provisioning.awaiting import ABSENT
from provisioning.pool_events import News, fullness, news_of_database, news_of_pool
from provisioning.targets import reference

log = structlog.get_logger(__name__)
Seen = Mapping[str, Mapping[str, Any]]
IN_TRANSIT = (Status.CREATING, Status.UPDATING, Status.DELETING)
MAY_BE_MISSING = (Status.CREATING, Status.FAILED, Status.DELETING)

# Of the stand-in too, where it is one of a conversion or a rehoming; a restore's is being created.
_BEING_CHANGED = models.Q(status=Status.UPDATING)
CONVERTING = _BEING_CHANGED & (models.Q(stands_in_for__isnull=False) | models.Q(stand_ins__status=Status.UPDATING))

CLAIM = """
WITH due AS (
    SELECT id FROM inventory_sqlserver
    WHERE observe_due_at <= operations_now() AND status <> 'deleted'
      AND (observe_lease_until IS NULL OR observe_lease_until < operations_now())
    ORDER BY observe_due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE inventory_sqlserver s
SET observe_token = gen_random_uuid(), observe_lease_until = operations_now() + %(lease)s * interval '1 second'
FROM due WHERE s.id = due.id RETURNING s.*
"""

RELEASE = """
UPDATE inventory_sqlserver
SET observe_lease_until = NULL, listed_at = coalesce(%(listed_at)s, listed_at),
    stirred_at = CASE WHEN %(stirred)s THEN operations_now() ELSE stirred_at END,
    observe_due_at = operations_now() + interval '1 second'
        * (CASE WHEN stirred_at > %(stirred_at)s THEN least(%(soon)s, %(wait)s) ELSE %(wait)s END)
WHERE id = %(id)s AND observe_token = %(token)s
"""

STILL_OURS = "SELECT 1 FROM inventory_sqlserver WHERE id = %s AND observe_token IS NOT DISTINCT FROM %s FOR KEY SHARE"
AFTER_FAILURE_SECONDS = 5.0
ROWS_PER_SECOND = 600  # that one server's listings may show; a larger server is looked at less often
STILL, STILL_BY_ROW = 0.02, 0.0002  # of the time in which nothing has changed there, the time to the next look


@dataclass(frozen=True, slots=True)
class Look:
    """What Azure showed of one server, all of it, begun at `at` (the database's clock)."""

    at: datetime
    server: ObservedServer | None
    pools: Sequence[ObservedPool]
    databases: Sequence[ObservedDatabase]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of a look: the keys of what changed; `listed_at` None: it was no listing."""

    changed: Sequence[str] = ()
    listed_at: datetime | None = None
    somebody_waits: bool = True


def observe_due(limit: int = 8) -> int:
    """Look at servers whose time has come; each by one observer at a time. Returns how many were due."""
    servers = list(SqlServer.objects.raw(CLAIM, {"limit": limit, "lease": settings.OPERATIONS_LEASE_SECONDS}))
    for server in servers:
        _observe(server)
    return len(servers)


def _observe(server: SqlServer) -> None:
    """Look once, and let the server go whatever happens: an error of ours must not hide it for a whole lease."""
    wait, seen = max(float(settings.OBSERVE_WAITING_SECONDS), AFTER_FAILURE_SECONDS), Recorded()
    try:
        look = _look_at(server)
        seen = record_look(server, look)
        wait = pace(server, look, seen)
    except CloudError as error:
        log.warning("observe.failed", server=server.azure_name, code=error.code)
        wait = max(wait, error.retry_after or 0.0)
    except Error as error:
        log.warning("observe.not_recorded", server=server.azure_name, error=type(error).__name__)
    _release(server, seen, wait)


def _release(server: SqlServer, seen: Recorded, wait: float) -> None:
    """Let others look in `wait` seconds; soon, if something has begun there while we looked."""
    values: dict[str, Any] = {"id": server.pk, "token": server.observe_token, "wait": wait}
    values |= {"listed_at": seen.listed_at, "stirred": bool(seen.changed), "stirred_at": server.stirred_at}
    values["soon"] = settings.OBSERVE_WAITING_SECONDS
    with connection.cursor() as cursor:
        cursor.execute(RELEASE, values)


def pace(server: SqlServer, look: Look, seen: Recorded) -> float:
    """Seconds to the next look: few where something has just begun or changed, more the longer nothing has and the more
    stands there. So what takes long is seen late by a small share of its time, and thousands who wait cost little."""
    if not seen.somebody_waits:
        return float(settings.OBSERVE_IDLE_SECONDS)
    quiet = 0.0 if seen.changed else max((look.at - server.stirred_at).total_seconds(), 0.0)
    rows = len(look.pools) + len(look.databases)
    longest = min(quiet * (STILL + STILL_BY_ROW * rows), float(settings.OBSERVE_LONGEST_SECONDS))
    return max(float(settings.OBSERVE_WAITING_SECONDS), rows / ROWS_PER_SECOND, longest)


def _look_at(server: SqlServer) -> Look:
    """Ask Azure: the server itself only until it is ready, then one listing each of its pools and databases.

    A server that is not there has neither; its listings would only answer that it is missing.
    """
    management, at = factory.sql_management(), database_now()
    asked = server.status != Status.READY or not server.observed_at
    there = management.get_server(reference(server)) if asked else None
    if asked and there is None and server.status in MAY_BE_MISSING:
        return Look(at, None, (), ())
    hit("observe.listing")
    return Look(at, there, management.list_pools(reference(server)), management.list_databases(reference(server)))


def record_look(server: SqlServer, look: Look) -> Recorded:
    """Write what differs from what was seen before, and wake those who waited for it.

    Short transactions, one a table, rows locked in the order of their ids: nobody who settles an operation can be caught in
    a circle with us. Looks are written in the order in which they began: one whose server was claimed anew is dropped.
    """
    changed = _record_server(server, look)
    everything = server.status != Status.CREATING or look.server is not None
    if everything:
        changed += _record_pools(server, look)
        changed += _record_databases(server, look)
    hit("observe.recorded")
    wake(changed)
    return Recorded(changed, look.at if everything else None, _somebody_waits(server))


def _record_server(server: SqlServer, look: Look) -> list[str]:
    seen = look.server
    if seen is None and server.status != Status.CREATING:
        return []
    columns: dict[str, Any] = {"observed_at": look.at, "observed_state": seen.state if seen else ABSENT}
    if seen is not None:
        columns["observed_endpoint"] = seen.endpoint
        columns["observed_minimal_tls"] = seen.minimal_tls_version or ""
        columns["observed_public_access"] = seen.public_network_access or ""
    SqlServer.objects.filter(pk=server.pk, observe_token=server.observe_token).update(**columns)
    return [server.key] if server.observed_state != columns["observed_state"] or not server.observed_at else []


def _record_pools(server: SqlServer, look: Look) -> list[str]:
    rows = ElasticPool.objects.filter(server=server).exclude(status=Status.DELETED)
    known = {row.azure_name.lower(): row for row in rows}
    inside: dict[str, list[ObservedDatabase]] = {}
    for database in look.databases:
        inside.setdefault((database.pool_name or "").lower(), []).append(database)
    seen = {
        name: _pool_columns(known[name], pool, inside.get(name, ()))
        for pool in look.pools
        if (name := pool.name.lower()) in known
    }
    return _write(server, rows, seen, look.at, missing={"observed_state": ABSENT}, news=news_of_pool)


def _pool_columns(row: ElasticPool, pool: ObservedPool, inside: Sequence[ObservedDatabase]) -> dict[str, Any]:
    promised = sum(one.max_size_bytes or 0 for one in inside)
    return {
        "observed_state": pool.state,
        "observed_vcores": pool.sku.capacity,
        "observed_max_size_bytes": pool.max_size_bytes,
        "observed_databases": len(inside),
        **fullness(row, databases=len(inside), promised_bytes=promised, max_bytes=pool.max_size_bytes),
    }


def _record_databases(server: SqlServer, look: Look) -> list[str]:
    seen = {
        database.name.lower(): {
            "observed_status": database.status,
            "observed_arm_id": database.arm_id,
            "observed_pool_name": database.pool_name or "",
            "observed_sku_name": database.sku.name,
            "observed_vcores": database.sku.capacity,
            "observed_max_size_bytes": database.max_size_bytes,
            "observed_tags": dict(database.tags),
            "observed_key_uri": database.key.uri if database.key else "",
        }
        for database in look.databases
    }
    rows = Database.objects.filter(server=server).exclude(status=Status.DELETED)
    missing = {"observed_status": ABSENT, "observed_pool_name": ""}
    with_names = rows.select_related("service__workspace")
    return _write(server, with_names, seen, look.at, missing=missing, news=news_of_database)


def _write(
    server: SqlServer,
    standing: models.QuerySet[Any],
    seen: Seen,
    at: datetime,
    *,
    missing: Mapping[str, Any],
    news: Callable[[Any, Mapping[str, Any]], Iterable[News]],
) -> list[str]:
    """Set observed columns of the rows in which one differs, and tell the news: of most rows, none does. Returns their keys.

    That the others are still as they were, `listed_at` of the server says for all of them.
    """
    columns = ["observed_at", *sorted({*missing, *(column for one in seen.values() for column in one)})]
    suspects = [
        row["pk"]
        for row in standing.values("pk", "azure_name", *columns)
        if _differs(row, seen.get(row["azure_name"].lower(), missing), at)
    ]
    if not suspects:
        return []
    with transaction.atomic():
        rows = standing.filter(pk__in=suspects).select_for_update(of=("self",)).order_by("pk")
        found = [row for row in rows if row.observed_at is None or row.observed_at < at] if _is_ours(server) else []
        told: list[News] = []
        for row in found:
            new = seen.get(row.azure_name.lower(), missing)
            told += news(row, new)
            for column, value in {**new, "observed_at": at}.items():
                setattr(row, column, value)
        standing.model._default_manager.bulk_update(found, columns, batch_size=500)
        for one in told:
            one.tell()
    return [row.key for row in found]


def _differs(row: Mapping[str, Any], new: Mapping[str, Any], at: datetime) -> bool:
    """Never seen, or seen otherwise and not later than this look."""
    before = row["observed_at"]
    return before is None or (before < at and any(row[column] != value for column, value in new.items()))


def _is_ours(server: SqlServer) -> bool:
    """True while nobody has claimed it since; then nobody can before the end of this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(STILL_OURS, [server.pk, server.observe_token])
        return cursor.fetchone() is not None


def _somebody_waits(server: SqlServer) -> bool:
    """True while something on this server is being made, changed or removed; who converts looks for itself, for hours."""
    on_it: list[models.QuerySet[Any]] = [
        Database.objects.filter(server=server, status__in=IN_TRANSIT).exclude(CONVERTING),
        ElasticPool.objects.filter(server=server, status__in=IN_TRANSIT),
        SqlServer.objects.filter(pk=server.pk, status__in=IN_TRANSIT),
    ]
    return any(rows.exists() for rows in on_it)

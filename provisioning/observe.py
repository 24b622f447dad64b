"""One listing a server, for all who wait there: observed columns in bulk, and whoever waited for a change is made due.

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
POOL_TELLS = ("observed_state", "observed_vcores", "observed_max_size_bytes")
DATABASE_TELLS = (
    *("observed_status", "observed_pool_name", "observed_sku_name"),
    *("observed_vcores", "observed_max_size_bytes"),
)
IN_TRANSIT = (Status.CREATING, Status.UPDATING, Status.DELETING)
MAY_BE_MISSING = (Status.CREATING, Status.FAILED, Status.DELETING)

_BEING_CHANGED = models.Q(status=Status.UPDATING)  # the stand-in of a conversion; a restore's is being created
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
UPDATE inventory_sqlserver SET observe_lease_until = NULL, observe_due_at = operations_now() + %(wait)s * interval '1 second'
WHERE id = %(id)s AND observe_token = %(token)s
"""


@dataclass(frozen=True, slots=True)
class Look:
    """What Azure showed of one server, all of it, begun at `at` (the database's clock)."""

    at: datetime
    server: ObservedServer | None
    pools: Sequence[ObservedPool]
    databases: Sequence[ObservedDatabase]


def observe_due(limit: int = 8) -> int:
    """Look at servers whose time has come; each by one observer at a time. Returns how many were due."""
    servers = list(SqlServer.objects.raw(CLAIM, {"limit": limit, "lease": settings.OPERATIONS_LEASE_SECONDS}))
    for server in servers:
        _observe(server)
    return len(servers)


def _observe(server: SqlServer) -> None:
    """Look once, and let the server go whatever happens: an error of ours must not hide it for a whole lease."""
    wait = float(settings.OBSERVE_WAITING_SECONDS)
    try:
        look = _look_at(server)
        wait = wait if record_look(server, look) else float(settings.OBSERVE_IDLE_SECONDS)
    except CloudError as error:
        log.warning("observe.failed", server=server.azure_name, code=error.code)
        wait = max(wait, error.retry_after or 0.0)
    except Error as error:
        log.warning("observe.not_recorded", server=server.azure_name, error=type(error).__name__)
    with connection.cursor() as cursor:
        cursor.execute(RELEASE, {"id": server.pk, "token": server.observe_token, "wait": wait})


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


def record_look(server: SqlServer, look: Look) -> bool:
    """Write what was seen and wake those who waited for it. Returns whether anybody still waits there.

    Short transactions, one a table, rows locked in the order of their ids: nobody who settles an operation can be caught in
    a circle with us. A row that was seen later already, by an observer that took over, is left alone.
    """
    changed = _record_server(server, look)
    if server.status != Status.CREATING or look.server is not None:
        changed += _record_pools(server, look)
        changed += _record_databases(server, look)
    hit("observe.recorded")
    wake(changed)
    return _somebody_waits(server)


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
    seen = {
        name: _pool_columns(known[name], pool, [one for one in look.databases if (one.pool_name or "").lower() == name])
        for pool in look.pools
        if (name := pool.name.lower()) in known
    }
    return _write(rows, seen, look.at, missing={"observed_state": ABSENT}, tells=POOL_TELLS, news=news_of_pool)


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
        }
        for database in look.databases
    }
    rows = Database.objects.filter(server=server).exclude(status=Status.DELETED)
    missing = {"observed_status": ABSENT, "observed_pool_name": ""}
    with_names = rows.select_related("service__workspace")
    return _write(with_names, seen, look.at, missing=missing, tells=DATABASE_TELLS, news=news_of_database)


@transaction.atomic
def _write(
    standing: models.QuerySet[Any],
    seen: Mapping[str, Mapping[str, Any]],
    at: datetime,
    *,
    missing: Mapping[str, Any],
    tells: Sequence[str],
    news: Callable[[Any, Mapping[str, Any]], Iterable[News]],
) -> list[str]:
    """Set observed columns of all rows in few statements, and tell the news. Returns the keys of those in which one of
    `tells` changed."""
    rows = [
        row
        for row in standing.select_for_update(of=("self",)).order_by("pk")
        if row.observed_at is None or row.observed_at < at
    ]
    changed: list[str] = []
    told: list[News] = []
    for row in rows:
        new = seen.get(row.azure_name.lower(), missing)
        if row.observed_at is None or any(getattr(row, name) != new[name] for name in tells if name in new):
            changed.append(row.key)
        told += news(row, new)
        for column, value in {**new, "observed_at": at}.items():
            setattr(row, column, value)
    columns = sorted({column for one in seen.values() for column in one} | {*missing, "observed_at"})
    standing.model._default_manager.bulk_update(rows, columns, batch_size=500)
    for one in told:
        one.tell()
    return changed


def _somebody_waits(server: SqlServer) -> bool:
    """True while something on this server is being made, changed or removed; who converts looks for itself, for hours."""
    on_it: list[models.QuerySet[Any]] = [
        Database.objects.filter(server=server, status__in=IN_TRANSIT).exclude(CONVERTING),
        ElasticPool.objects.filter(server=server, status__in=IN_TRANSIT),
        SqlServer.objects.filter(pk=server.pk, status__in=IN_TRANSIT),
    ]
    return any(rows.exists() for rows in on_it)

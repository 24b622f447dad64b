"""Somebody takes what Azure shows as what we want: the row follows where it has a column for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from cloud.protocols import Sku
from inventory.models import Database, ElasticPool, SqlServer
from inventory.states import Status
from operations.errors import OperationRefused
from operations.services import active_operation
from placement.engine.catalogue import sizes_of
from placement.services import return_room
from provisioning.drift.findings import tell
from provisioning.drift.normal import sku_of
from provisioning.models import Finding

State, Kind = Finding.State, Finding.Kind


class NotAcceptable(OperationRefused):
    """It cannot be taken as it is: the row would promise what is not there."""

    code = "NotAcceptable"


@transaction.atomic
def accept(finding: Finding, *, actor: str, reason: str) -> Finding:
    """Take what was observed as what we want, or live with it. Raises NotAcceptable."""
    row = Finding.objects.select_for_update().get(pk=finding.pk)
    if row.state != State.OPEN:
        raise NotAcceptable(f"It is {row.state}; only an open finding can be accepted.")
    if row.kind == Kind.MISSING:
        raise NotAcceptable("What is gone cannot be wanted: restore it, or delete its service.")
    if active_operation(row.target) is not None:
        raise NotAcceptable("An operation works on it.")
    take = COLUMNS.get((row.target.partition(":")[0], row.attribute))
    if take is not None:
        _take(take, row)
    row.state, row.decided_by, row.reason = State.ACCEPTED, actor, reason
    row.save()
    tell(row, "drift.accepted", actor=actor, reason=reason)
    return row


def _take(take: Callable[[str, Any], int], finding: Finding) -> None:
    """Write the desired column; the database's own constraints say what is impossible."""
    try:
        with transaction.atomic():
            changed = take(finding.target.partition(":")[2], finding.observed)
    except IntegrityError as error:
        raise NotAcceptable("More is promised there than would fit.") from error
    if not changed:
        raise NotAcceptable("Its row is not in a state in which it can be changed.")


def _retention(key: str, days: Any) -> int:
    return _database(key).update(retention_days=int(days))


def _redundancy(key: str, redundancy: Any) -> int:
    return _database(key).update(backup_redundancy=str(redundancy))


def _database_size(key: str, size: Any) -> int:
    """The room that it holds in its pool grows or shrinks with it."""
    row = _database(key).select_for_update(of=("self",)).first()
    if row is None:
        return 0
    ElasticPool.objects.filter(databases=row).update(bytes_committed=F("bytes_committed") + int(size) - row.size_bytes)
    return Database.objects.filter(pk=key).update(size_bytes=int(size))


def _place(key: str, name: Any) -> int:
    """Another pool of ours on its server: room is counted where it stands. Anywhere else no row could follow."""
    row = _database(key).select_for_update(of=("self",)).first()
    pools = ElasticPool.objects.filter(status=Status.READY, azure_name=str(name))
    pool = pools.filter(server=row.server_id).first() if row else None
    if row is None or pool is None or row.pool_id is None:
        return 0
    ElasticPool.objects.filter(pk=pool.pk).update(
        databases_committed=F("databases_committed") + 1,
        bytes_committed=F("bytes_committed") + row.size_bytes,
        vcores_demanded=F("vcores_demanded") + row.vcores_demanded,
    )
    return_room(row.pool_id, databases=1, size_bytes=row.size_bytes, vcores=row.vcores_demanded)
    return Database.objects.filter(pk=key).update(pool=pool)


def _database(key: str) -> QuerySet[Database]:
    return Database.objects.filter(pk=key, status=Status.READY)


def _pool_size(key: str, size: Any) -> int:
    return ElasticPool.objects.filter(pk=key, status=Status.READY).update(max_size_bytes=int(size))


def _pool_compute(key: str, size: Any) -> int:
    """vCores and how many databases such a pool may have; the server's count of vCores follows."""
    row = ElasticPool.objects.select_for_update().filter(pk=key, status=Status.READY).first()
    sku = sku_of(Sku(str(size), ""))
    known = sizes_of(row.service_tier, row.family) if row else ()
    found = next((one for one in known if one.sku_name == sku.name and one.vcores == sku.capacity), None)
    if row is None or found is None:
        return 0
    more = F("vcores_committed") + found.vcores - row.vcores
    SqlServer.objects.filter(pools=row).update(vcores_committed=more)
    return ElasticPool.objects.filter(pk=key).update(vcores=found.vcores, max_databases=found.max_databases)


def _limits(key: str, limits: Any) -> int:
    least, most = limits
    rows = ElasticPool.objects.filter(pk=key, status=Status.READY)
    return rows.update(per_database_min_vcores=least, per_database_max_vcores=most)


def _zones(key: str, redundant: Any) -> int:
    return ElasticPool.objects.filter(pk=key, status=Status.READY).update(is_zone_redundant=bool(redundant))


COLUMNS: dict[tuple[str, str], Callable[[str, Any], int]] = {
    ("database", "retention_days"): _retention,
    ("database", "backup_redundancy"): _redundancy,
    ("database", "max_size_bytes"): _database_size,
    ("database", "pool"): _place,
    ("pool", "sku"): _pool_compute,
    ("pool", "max_size_bytes"): _pool_size,
    ("pool", "per_database_vcores"): _limits,
    ("pool", "zone_redundant"): _zones,
}
"""Where a row has a column of its own; everything else is lived with, as long as it does not change again."""

"""A service gets a database of the stock: one transaction, in which everything that must hold is looked at again."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Value
from django.db.models.fields import CharField
from django.db.models.functions import Cast, Coalesce, Concat

from inventory.models import AuthMode, Database, ServiceInstance
from inventory.states import Status, move
from operations import clock
from operations.errors import OperationInProgress
from operations.models import AuditEvent, Operation
from operations.services import submit
from placement.services import still_fits
from provisioning.keys.wish import KeyWish, give_at_creation
from provisioning.models import WarmDatabase, WarmStock
from provisioning.relocations import as_wished, shrink_in_place, take_in_place
from provisioning.warm.making import config_hash, sizes_of

KIND = "claim_database"
TRIED = 3
State = WarmDatabase.State


class _NotThisOne(Exception):
    """It may not be claimed: undo what was taken for it."""


def claim(
    service: ServiceInstance,
    *,
    tier: str,
    size_bytes: int,
    actor: str,
    wish: dict[str, object],
    beside: AuditEvent,
    key: KeyWish | None = None,
) -> Operation | None:
    """Give the service a database that stands ready: what it still lacks, an operation adds. None: no stock has one.

    Where nothing is lacking that the service would notice, the database is ready at once, and the operation only writes down
    in Azure whose it is. In the caller's transaction.
    """
    if service.workspace.auth_mode != AuthMode.SQL:
        return None
    stock = WarmStock.objects.filter(region=service.workspace.region_id, service_tier=tier, kind=service.kind).first()
    if stock is None or not _serves(stock, size_bytes):
        return None
    tried: list[UUID] = []
    while len(tried) < TRIED and (row := _ready(stock).exclude(pk__in=tried).first()) is not None:
        with contextlib.suppress(_NotThisOne, OperationInProgress), transaction.atomic():
            _assign(row, service, size_bytes)
            return _begin(row, service, key, actor=actor, wish=wish, beside=beside)
        tried.append(row.pk)
    return None


def fresh_since(now: datetime) -> datetime:
    """A credential that was seen to work since then is believed to."""
    return now - timedelta(seconds=settings.WARM_PROOF_SECONDS)


def _serves(stock: WarmStock, size_bytes: int) -> bool:
    """A single database has its compute by its size; a pooled one is fitted where it stands."""
    if stock.service_tier != Database.Tier.HYPERSCALE:
        return True
    return sizes_of(stock) == sizes_of(
        WarmStock(service_tier=stock.service_tier, kind=stock.kind, size_bytes=size_bytes)
    )


def _ready(stock: WarmStock) -> QuerySet[WarmDatabase]:
    """What may be claimed, each held by nobody else, the latest proved first."""
    working = Operation.objects.filter(target_key=Concat(Value("database:"), Cast(OuterRef("pk"), CharField())))
    rows = WarmDatabase.objects.filter(
        stock=stock,
        state=State.KEPT,
        why="",
        config_hash=config_hash(stock),
        made_at__gt=clock.now() - timedelta(days=settings.WARM_DAYS),
        database__status=Status.READY,
        database__observed_status="Online",
        database__service=None,
        database__server__status=Status.READY,
        database__server__is_cordoned=False,
    ).exclude(database__pool__is_cordoned=True)
    free = rows.filter(~Exists(working.exclude(state__in=Operation.TERMINAL)))
    proved = Coalesce(F("proved_at"), F("database__ready_at"))
    return free.select_for_update(skip_locked=True, of=("self",)).order_by(proved.desc())


def _assign(row: WarmDatabase, service: ServiceInstance, size_bytes: int) -> None:
    """Give it room for the size that is wished. Raises _NotThisOne where it may not stand where it does, or cannot grow."""
    database = Database.objects.select_related("pool__server", "server").get(pk=row.pk)
    database.service = service
    if database.pool is not None and not (still_fits(database) and _resize(database, size_bytes)):
        raise _NotThisOne
    if database.pool is None:
        Database.objects.filter(pk=row.pk).update(size_bytes=size_bytes)


def _resize(database: Database, size_bytes: int) -> bool:
    if size_bytes == database.size_bytes:
        return True
    wished = as_wished(database, size_bytes)
    if wished.size_bytes > database.size_bytes:
        return take_in_place(database, wished)
    shrink_in_place(database, size_bytes=wished.size_bytes, vcores=wished.vcores_demanded)
    return True


def _begin(
    row: WarmDatabase,
    service: ServiceInstance,
    key: KeyWish | None,
    *,
    actor: str,
    wish: dict[str, object],
    beside: AuditEvent,
) -> Operation:
    now = clock.now()
    before = Database.objects.get(pk=row.pk)
    lacking = _lacking(row, before, service, now) + (["key"] if key else [])
    give_at_creation(before, key)
    at_once = not lacking and not wish.get("cast")
    columns = {"service": service, "retention_days": service.workspace.retention_days}
    if at_once:
        Database.objects.filter(pk=row.pk).update(**columns, ready_at=now)
    else:
        move(before, Status.CREATING, **columns, ready_at=None)
    WarmDatabase.objects.filter(pk=row.pk).update(state=State.CLAIMED, ended_at=now)
    told = {**wish, "attributes": ["tags", *lacking], "stock": row.stock.name, "at_once": at_once}
    return submit(KIND, target=before.key, actor=actor, workspace=service.workspace.name, wish=told, beside=beside)


def _lacking(row: WarmDatabase, database: Database, service: ServiceInstance, now: datetime) -> list[str]:
    """What has to be done before the service may be told that its database is ready."""
    proved_at = row.proved_at or database.ready_at
    lacking = {
        "max_size_bytes": database.pool_id is not None and database.size_bytes != row.stock.size_bytes,
        "retention_days": database.retention_days != service.workspace.retention_days,
        "proof": proved_at is None or proved_at < fresh_since(now),
    }
    return [name for name, is_lacking in lacking.items() if is_lacking]

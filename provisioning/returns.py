"""The way back from Hyperscale, and its end: what may be asked for until then, and who is told before it comes."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from inventory.models import Database, ServiceInstance
from inventory.states import Status, move
from operations import audit, clock
from operations.models import Operation, OutboxEvent
from operations.services import active_operation, submit
from placement.snapshot import limits
from provisioning.conversions import held_database, is_repeated, refuse_busy, wished
from provisioning.errors import ReturnNotPossible, SizeNotSupported
from provisioning.return_windows import KIND, refuse_far_window
from provisioning.standing import check_room, standing
from provisioning.tier_changes import RETURN_DAYS, add_stand_in, return_until

ALERT_DAYS = (7, 1)
LARGEST_BATCH = 500
ACTOR = "system:returns"
GIBIBYTE = 2**30
SINGLE_VCORES = ((1024, 2), (1536, 6), (2048, 8), (3072, 12), (4096, 24))
"""Up to so many GB, the fewest vCores of a single General Purpose Gen5 database (Azure's limits of single databases)."""


@transaction.atomic
def request_return(
    service: ServiceInstance,
    *,
    actor: str,
    size_bytes: int | None = None,
    zone_redundant: bool = False,
    parent: Operation | None = None,
) -> Operation:
    """Begin to take a converted database back into a pool; `size_bytes` is its planned capacity there (None: as much of the
    present one as a pool's database may have). The same wish again gives the return that is under way.

    Raises WishRefused (ReturnNotPossible), OperationInProgress.
    """
    database = held_database(service)
    running = active_operation(database.key)
    size = size_bytes or min(database.size_bytes, limits().elastic_pool_bytes)
    if running is not None and is_repeated(running, KIND, {"size_bytes": size, "zone_redundant": zone_redundant}):
        return running
    refuse_busy(database, running, hop_of=parent)
    refuse_late(database, clock.now())
    check_room(standing(service.workspace, service.name))
    vcores = max(_vcores(size), database.vcores or 0)
    move(database, Status.UPDATING)
    operation = submit(
        KIND,
        target=database.key,
        actor=actor,
        workspace=service.workspace.name,
        wish={"service": service.name, "size_bytes": size, "vcores": vcores, "zone_redundant": zone_redundant},
        parent=parent,
        beside=wished(service, "service.return_requested", actor=actor, size_bytes=size),
    )
    tier = {"service_tier": Database.Tier.GENERAL_PURPOSE, "sku_name": "", "vcores": None}
    add_stand_in(operation, database, size_bytes=size, **tier)
    return operation


def refuse_late(database: Database, now: datetime) -> None:
    """Raise ReturnNotPossible where Azure would refuse: never converted, or longer ago than it allows by the next window."""
    until = return_until(database)
    if database.service_tier != Database.Tier.HYPERSCALE or until is None:
        raise ReturnNotPossible("Only a database that was converted to Hyperscale can go back; this one was not.")
    if now > until:
        raise ReturnNotPossible(
            f"It could go back until {until:%Y-%m-%dT%H:%M:%SZ}, {RETURN_DAYS} days after its conversion."
        )
    refuse_far_window(database)


def alert_ending() -> int:
    """Tell, once a threshold, that a way back ends soon. Returns how many alerts were raised."""
    now = clock.now()
    return sum(_alert(database, now) for database in ending(now)[:LARGEST_BATCH])


def ending(now: datetime) -> QuerySet[Database]:
    """Converted databases whose way back passes a threshold of which nobody was told, the soonest first."""
    untold = Q()
    for days in ALERT_DAYS:
        passed = Q(converted_at__lte=now - timedelta(days=RETURN_DAYS - days))
        untold |= passed & (Q(return_alerted_days__isnull=True) | Q(return_alerted_days__gt=days))
    open_still = Q(converted_at__gt=now - timedelta(days=RETURN_DAYS))
    rows = Database.objects.filter(untold, open_still, stands_in_for=None)
    return rows.exclude(status=Status.DELETED).select_related("service__workspace").order_by("converted_at", "pk")


@transaction.atomic
def _alert(database: Database, now: datetime) -> bool:
    """False when somebody else has raised it."""
    until = return_until(database)
    assert until is not None, "the query asks for it"
    days = min(one for one in ALERT_DAYS if until - now <= timedelta(days=one))
    untold = Q(return_alerted_days__isnull=True) | Q(return_alerted_days__gt=days)
    if not Database.objects.filter(untold, pk=database.pk).update(return_alerted_days=days):
        return False
    workspace = database.service.workspace.name if database.service else ""
    facts = {"days": days, "until": until.isoformat(), "service": database.service.name if database.service else ""}
    OutboxEvent.objects.create(kind="database.return_ending", target=database.key, workspace=workspace, data=facts)
    audit.record("database.return_ending", actor=ACTOR, target=database.key, workspace=workspace, after=facts)
    return True


def _vcores(size_bytes: int) -> int:
    """Compute of the single database between. Raises SizeNotSupported for more than a pool's database may have."""
    if size_bytes > limits().elastic_pool_bytes:
        raise SizeNotSupported(f"A pool's database holds at most {limits().elastic_pool_bytes // GIBIBYTE:,} GB.")
    return next(vcores for up_to_gb, vcores in SINGLE_VCORES if size_bytes <= up_to_gb * GIBIBYTE)

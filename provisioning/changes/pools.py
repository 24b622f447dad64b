"""What operators may ask of pools and of where databases stand; each planned, told, then requested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from inventory.models import Database, ElasticPool
from inventory.states import Status
from operations.models import Operation
from operations.outcomes import StepError
from operations.services import submit
from operations.workflow import workflow_of
from placement.engine.catalogue import PoolSize, sizes_of
from provisioning.changes.consent import Consent, demand
from provisioning.changes.forecast import (
    copying_seconds,
    disruption_of,
    keep_promise,
    planned,
    priced_pool,
    workspaces_of,
)
from provisioning.changes.placements import in_pool
from provisioning.changes.plan import Change, Cost, Plan, WayBack
from provisioning.changes.prices import Priced, monthly_cost
from provisioning.changes.states import revision_of, scaling_row
from provisioning.changes.trial import tried
from provisioning.durations import expected_seconds
from provisioning.errors import PoolNotEmpty, PoolNotReady, PoolSizeNotOffered, ServiceNotReady
from provisioning.places import NoPlace
from provisioning.relocations import as_wished, take_elsewhere
from provisioning.standing import refuse_on_way
from provisioning.workflows.drain_pool import AT_ONCE

GO_BACK = "The same way back; connections drop once more."


@dataclass(frozen=True, slots=True)
class PoolWish:
    """A pool's size: vCores, and the storage that its databases share (None: all that the vCores bring)."""

    vcores: int
    max_size_bytes: int | None = None


@transaction.atomic
def request_resize(pool: ElasticPool, wish: PoolWish, *, actor: str, consent: Consent) -> Operation:
    """Give a pool another size. Raises WishRefused, DisruptionNotAccepted, PlanChanged, OperationInProgress."""
    return granted(plan_resize(pool, wish, actor=actor), consent, lambda: _submit_resize(pool, wish, actor=actor))


@transaction.atomic
def request_drain(pool: ElasticPool, *, actor: str, reason: str, consent: Consent) -> Operation:
    """Close a pool and move its databases away. Raises WishRefused and NoRoomOnServer with the databases that have no room."""
    plan = plan_drain(pool, actor=actor, reason=reason)
    return granted(plan, consent, lambda: _submit_drain(pool, actor=actor, reason=reason))


@transaction.atomic
def request_pool_deletion(pool: ElasticPool, *, actor: str) -> Operation:
    """Delete an empty pool. Raises WishRefused (PoolNotEmpty), OperationInProgress."""
    return granted(plan_pool_deletion(pool, actor=actor), Consent(), lambda: _submit_deletion(pool, actor=actor))


@transaction.atomic
def request_move(database: Database, *, actor: str, reason: str, consent: Consent) -> Operation:
    """Move a database to another pool of its server. Raises WishRefused, DisruptionNotAccepted, PlanChanged."""
    plan = plan_move(database, actor=actor, reason=reason)
    return granted(plan, consent, lambda: _submit_move(database, actor=actor, reason=reason))


def plan_resize(pool: ElasticPool, wish: PoolWish, *, actor: str) -> Plan:
    return tried(lambda: _planned_resize(pool, wish, actor=actor))


def plan_drain(pool: ElasticPool, *, actor: str, reason: str) -> Plan:
    return tried(lambda: _planned_drain(pool, actor=actor, reason=reason))


def plan_pool_deletion(pool: ElasticPool, *, actor: str) -> Plan:
    return tried(lambda: _planned_deletion(pool, actor=actor))


def plan_move(database: Database, *, actor: str, reason: str) -> Plan:
    return tried(lambda: _planned_move(database, actor=actor, reason=reason))


def granted(plan: Plan, consent: Consent, do: Callable[[], Operation]) -> Operation:
    """The operation that a plan was agreed to for, and that keeps its promise. Raises WishRefused."""
    demand(plan, consent)
    operation = do()
    keep_promise(operation, plan)
    return operation


def _planned_resize(pool: ElasticPool, wish: PoolWish, *, actor: str) -> Plan:
    operation = _submit_resize(pool, wish, actor=actor)
    workflow_of(operation.kind).step("hold_pool")(operation)
    row = scaling_row(pool.service_tier)
    before, size = priced_pool(pool), operation.input
    after = Priced(pool.service_tier, size["vcores"], size["max_size_bytes"], pool.family, pool.is_zone_redundant)
    change = Change(
        way="resize",
        changes=("resize",),
        disruption=disruption_of(
            (row,),
            databases=pool.databases_committed,
            workspaces=workspaces_of(pool),
            seconds=expected_seconds(operation.kind),
        ),
        cost=monthly_cost(pool.server.region_id, [before], [after]),
        way_back=WayBack(("resize",), None, GO_BACK),
        irreversible=(),
        revision=revision_of(pool),
        wished=(size["vcores"], size["max_size_bytes"]),
    )
    return Plan("change", (planned(operation, seconds=copying_seconds((row,), pool.bytes_committed)),), change=change)


def _planned_drain(pool: ElasticPool, *, actor: str, reason: str) -> Plan:
    """Room is taken for every database, largest first, as the drain would; those that find none are named."""
    operation = _submit_drain(pool, actor=actor, reason=reason)
    ElasticPool.objects.filter(pk=pool.pk).update(is_cordoned=True)
    databases = list(_standing_in(pool).filter(stands_in_for=None))  # a stand-in goes with the operation that made it
    homeless = [str(database) for database in databases if not _finds_room(operation, database)]
    if homeless:
        raise StepError("NoRoomOnServer", f"{pool.server} has no room elsewhere for {', '.join(homeless)}.")
    row = scaling_row(pool.service_tier)
    made = list(Operation.objects.filter(parent=operation))
    pools = [priced_pool(p) for p in ElasticPool.objects.filter(pk__in=[o.target_key.partition(":")[2] for o in made])]
    one = copying_seconds((row,), pool.bytes_committed) or expected_seconds("move_database")
    change = Change(
        way="drain",
        changes=("move",) * len(databases),
        disruption=disruption_of(
            (row,), databases=len(databases), workspaces=workspaces_of(pool), seconds=expected_seconds("move_database")
        ),
        cost=monthly_cost(pool.server.region_id, [], pools),
        way_back=WayBack(("move",) * len(databases), None, "Open the pool and move them back; each drops once more."),
        irreversible=(),
        revision=revision_of(pool),
    )
    seconds = one * -(-len(databases) // AT_ONCE)
    return Plan("change", (*(planned(o) for o in made), planned(operation, seconds=seconds)), change=change)


def _planned_deletion(pool: ElasticPool, *, actor: str) -> Plan:
    operation = _submit_deletion(pool, actor=actor)
    change = Change(
        way="delete",
        changes=("delete",),
        disruption=disruption_of(()),
        cost=monthly_cost(pool.server.region_id, [priced_pool(pool)], []),
        way_back=WayBack((), None, "The pool is empty; another one of the same size can be made."),
        irreversible=(),
        revision=revision_of(pool),
    )
    return Plan("change", (planned(operation),), change=change)


def _planned_move(database: Database, *, actor: str, reason: str) -> Plan:
    operation = _submit_move(database, actor=actor, reason=reason)
    room = take_elsewhere(operation, as_wished(database, None))
    row = scaling_row(database.service_tier)
    made = list(Operation.objects.filter(parent=operation))
    pools = [priced_pool(p) for p in ElasticPool.objects.filter(pk__in=[o.target_key.partition(":")[2] for o in made])]
    change = Change(
        way="move",
        changes=("move",),
        disruption=disruption_of((row,), workspaces=workspaces_of(database), seconds=expected_seconds(operation.kind)),
        cost=_cost_of(database, pools),
        way_back=WayBack(("move",), None, GO_BACK),
        irreversible=(),
        revision=revision_of(database),
    )
    seconds = copying_seconds((row,), database.size_bytes)
    place = in_pool(room["decision"], is_new=bool(made))
    return Plan("change", (*(planned(o) for o in made), planned(operation, seconds=seconds)), place, change=change)


def _cost_of(database: Database, made: list[Priced]) -> Cost:
    return monthly_cost(database.region_id, [], made)


def _submit_resize(pool: ElasticPool, wish: PoolWish, *, actor: str) -> Operation:
    _refuse_unready(pool)
    size = _size_of(pool, wish)
    columns: dict[str, Any] = {
        "vcores": size.vcores,
        "max_size_bytes": wish.max_size_bytes or size.max_storage_bytes,
        "max_databases": size.max_databases,
        "per_database_min_vcores": min(pool.per_database_min_vcores, float(size.vcores)),
        "per_database_max_vcores": _highest(size, pool.per_database_max_vcores),
    }
    _refuse_overfull(pool, columns)
    return submit("resize_pool", target=pool.key, actor=actor, wish=columns)


def _submit_drain(pool: ElasticPool, *, actor: str, reason: str) -> Operation:
    _refuse_unready(pool)
    return submit("drain_pool", target=pool.key, actor=actor, wish={"reason": reason})


def _submit_deletion(pool: ElasticPool, *, actor: str) -> Operation:
    if pool.status not in (Status.READY, Status.FAILED):
        raise PoolNotReady(f"The pool is {pool.status}.")
    if pool.databases_committed:
        raise PoolNotEmpty(f"The pool holds {pool.databases_committed} databases; drain it first.")
    return submit("delete_pool", target=pool.key, actor=actor)


def _submit_move(database: Database, *, actor: str, reason: str) -> Operation:
    if database.status != Status.READY or database.pool is None:
        raise ServiceNotReady("Only a ready database in a pool can move to another pool.")
    refuse_on_way(database)
    service = database.service
    workspace = service.workspace.name if service else ""
    return submit("move_database", target=database.key, actor=actor, workspace=workspace, wish={"reason": reason})


def _refuse_unready(pool: ElasticPool) -> None:
    if pool.status != Status.READY:
        raise PoolNotReady(f"The pool is {pool.status}; only a ready one can be changed.")


def _size_of(pool: ElasticPool, wish: PoolWish) -> PoolSize:
    """The row of Azure's table. Raises PoolSizeNotOffered."""
    sizes = sizes_of(pool.service_tier, pool.family)
    found = next((size for size in sizes if size.vcores == wish.vcores), None)
    if found is None:
        offered = ", ".join(str(size.vcores) for size in sizes)
        raise PoolSizeNotOffered(f"Azure offers such pools with {offered} vCores.")
    if wish.max_size_bytes is not None and wish.max_size_bytes > found.max_storage_bytes:
        gigabytes = found.max_storage_bytes // 2**30
        raise PoolSizeNotOffered(f"A pool of {found.vcores} vCores holds {gigabytes:,} GB at most.")
    return found


def _highest(size: PoolSize, present: float) -> float:
    """The most that one database may take: as it is, or the highest step of a smaller pool."""
    return max((step for step in size.per_database_vcores if step <= present), default=float(size.vcores))


def _refuse_overfull(pool: ElasticPool, columns: dict[str, Any]) -> None:
    """Nobody loses what was promised. Raises PoolSizeNotOffered."""
    largest = max((database.vcores_demanded for database in _standing_in(pool)), default=0.0)
    too_small = (
        columns["max_size_bytes"] < pool.bytes_committed
        or columns["max_databases"] < pool.databases_committed
        or columns["vcores"] < pool.vcores_demanded
        or columns["per_database_max_vcores"] < largest
    )
    if too_small:
        raise PoolSizeNotOffered("More was promised to the pool's databases than that size holds; drain some first.")


def _standing_in(pool: ElasticPool) -> Any:
    rows = Database.objects.filter(pool=pool, holds_room=True).select_related("pool", "server", "service__workspace")
    return rows.order_by("-size_bytes", "pk")


def _finds_room(operation: Operation, database: Database) -> bool:
    try:
        with transaction.atomic():
            take_elsewhere(operation, as_wished(database, None), avoid=[str(database.pool_id)])
    except (StepError, NoPlace):
        return False
    return True

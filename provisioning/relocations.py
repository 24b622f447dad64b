"""Room for a database that grows or moves on its server: taken at the new place while the old one is still held.

What was taken stands in the operation's choices until it ends: then one of the two places is given back.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any, TypedDict
from uuid import UUID

from django.db.models import F

from inventory.models import Database, ElasticPool, SqlServer
from inventory.states import Status
from operations.models import Operation
from operations.outcomes import StepError
from operations.services import serialise
from placement.engine.decision import Ceilings
from placement.engine.policy import Policy
from placement.engine.sizing import NoPoolSize, pool_shape_for
from placement.services import (
    choose_pool,
    return_room,
    return_server_room,
    take_more_room,
    take_room,
    take_server_room,
)
from placement.snapshot import demand_of, policy
from provisioning.places import ATTEMPTS, NoPlace, add_pool, pools_elsewhere
from provisioning.tier_changes import HYPERSCALE_SKU


class Room(TypedDict):
    """Room that an operation holds in a pool, as it is kept in its choices."""

    pool: str
    size_bytes: int
    vcores: float
    decision: dict[str, Any]


def as_wished(database: Database, size_bytes: int | None) -> Database:
    """A copy, never saved, as the database will be once it has this size."""
    wished = copy.copy(database)
    if size_bytes is not None and size_bytes != database.size_bytes and database.service is not None:
        wished.size_bytes = size_bytes
        kind = database.service.kind
        wished.vcores_demanded = policy().expected_vcores(service_kind=kind, storage_bytes=size_bytes)
    return wished


def in_zones(wished: Database, zone_redundant: bool | None) -> Database:
    """The copy as asking for a pool with zones, or without (None: as it stands)."""
    if zone_redundant is not None:
        wished.pool = copy.copy(wished.pool) or ElasticPool()
        wished.pool.is_zone_redundant = zone_redundant
    return wished


def take_in_place(database: Database, wished: Database) -> bool:
    """Take the difference in the pool where it stands, and write the new size down. False where the pool has no room."""
    pool = database.pool
    assert pool is not None, "it stands in a pool"
    if wished.vcores_demanded > pool.per_database_max_vcores or wished.size_bytes > pool.max_size_bytes:
        return False
    taken = take_more_room(
        pool.pk,
        size_bytes=wished.size_bytes - database.size_bytes,
        vcores=wished.vcores_demanded - database.vcores_demanded,
        ceilings=_ceilings(pool, wished, policy()),
    )
    if taken:
        Database.objects.filter(pk=database.pk).update(
            size_bytes=wished.size_bytes, vcores_demanded=wished.vcores_demanded
        )
    return taken


def shrink_in_place(database: Database, *, size_bytes: int, vcores: float) -> None:
    """Take a growth back that came to nothing: the former size, and the difference of room."""
    if database.pool_id is not None:
        return_room(
            database.pool_id,
            databases=0,
            size_bytes=database.size_bytes - size_bytes,
            vcores=database.vcores_demanded - vcores,
        )
    Database.objects.filter(pk=database.pk).update(size_bytes=size_bytes, vcores_demanded=vcores)


def take_elsewhere(operation: Operation, wished: Database, *, avoid: Collection[str] = ()) -> Room:
    """Take room in another pool of the same server: the best one that has it, else a new one, begun by an operation.

    Raises StepError NoRoomOnServer where the server has none, NoPlace where others were quicker.
    """
    server = wished.server
    assert server is not None, "it stands on a server"
    refused = {*avoid, str(wished.pool_id), *pools_elsewhere(wished, server)}
    room = take_best(wished, refused)
    if room is not None:
        return room
    serialise(f"new-pool:{server.pk}/{wished.service_tier}")
    room = take_best(wished, refused)
    if room is not None:
        return room
    _begin_pool(operation, wished, server)
    room = take_best(wished, refused)
    if room is None:
        raise NoPlace("The new pool does not hold what it was made for.")
    return room


def take_best(wished: Database, refused: Collection[str]) -> Room | None:
    """Take room in the best pool that is not refused; None where none has room. Raises NoPlace where others were quicker."""
    full = set(refused)
    for _ in range(ATTEMPTS):
        decision = choose_pool(wished, exclude=full)
        if decision.pool_id is None or decision.ceilings is None:
            return None
        if take_room(wished, UUID(decision.pool_id), decision.ceilings):
            return Room(
                pool=decision.pool_id,
                size_bytes=wished.size_bytes,
                vcores=wished.vcores_demanded,
                decision=decision.as_dict(),
            )
        full.add(decision.pool_id)
    raise NoPlace("Others took the room that was chosen.")


def take_named(wished: Database, pool_id: str) -> Room:
    """Take room in this pool and no other. Raises StepError TargetFull where it has none any more."""
    others = ElasticPool.objects.filter(server__region=wished.region_id).exclude(pk=pool_id)
    room = take_best(wished, {str(wished.pool_id), *(str(key) for key in others.values_list("pk", flat=True))})
    if room is None:
        raise StepError("TargetFull", "The pool that was planned for it has no room for it any more.")
    return room


def give_up(room: Room) -> None:
    """Give back what was taken at the new place."""
    return_room(UUID(room["pool"]), databases=1, size_bytes=room["size_bytes"], vcores=room["vcores"])


def arrive(database: Database, room: Room) -> None:
    """The database stands at its new place: the row says so, and the old one is free."""
    if database.pool_id is not None:
        return_room(database.pool_id, databases=1, size_bytes=database.size_bytes, vcores=database.vcores_demanded)
    elif database.server_id is not None:
        return_server_room(database.server_id, vcores=database.vcores or 0)
        Database.objects.filter(pk=database.pk).update(vcores=None, sku_name="")
    Database.objects.filter(pk=database.pk).update(
        pool=room["pool"],
        size_bytes=room["size_bytes"],
        vcores_demanded=room["vcores"],
        placement=room["decision"],
    )


def stand_alone(database: Database, vcores: int) -> None:
    """The database has left its Hyperscale pool for the vCores that were taken for it."""
    assert database.pool_id is not None, "it stood in a pool"
    return_room(database.pool_id, databases=1, size_bytes=database.size_bytes, vcores=database.vcores_demanded)
    reason = {"reason": f"It has {vcores} vCores of its own."}
    Database.objects.filter(pk=database.pk).update(pool=None, vcores=vcores, sku_name=HYPERSCALE_SKU, placement=reason)


def take_compute(database: Database, vcores: int) -> bool:
    """Take vCores on its server for a single database and write them down. False where the server has none to spare."""
    assert database.server_id is not None, "it stands on a server"
    if not take_server_room(database.server_id, vcores=vcores - (database.vcores or 0)):
        return False
    Database.objects.filter(pk=database.pk).update(vcores=vcores)
    return True


def return_compute(database: Database, vcores: int) -> None:
    """Take back vCores that came to nothing."""
    assert database.server_id is not None, "it stands on a server"
    SqlServer.objects.filter(pk=database.server_id).update(
        vcores_committed=F("vcores_committed") - ((database.vcores or 0) - vcores)
    )
    Database.objects.filter(pk=database.pk).update(vcores=vcores)


def _begin_pool(operation: Operation, wished: Database, server: SqlServer) -> ElasticPool:
    try:
        shape = pool_shape_for(demand_of(wished), policy())
    except NoPoolSize as error:
        raise StepError(error.code, str(error)) from error
    serialise(f"new-server:{server.region_id}/{server.auth_mode}")
    if server.status != Status.READY or not take_server_room(server.pk, vcores=shape.vcores):
        text = f"No pool of {server} has room for {wished}, and the server has none for another pool."
        raise StepError("NoRoomOnServer", text)
    return add_pool(operation, server, shape)


def _ceilings(pool: ElasticPool, wished: Database, rules: Policy) -> Ceilings:
    """As the engine sets them: the limit less headroom, or the whole limit for a database that has the pool to itself."""
    limit, vcores = pool.max_size_bytes, float(pool.vcores)
    return Ceilings(
        committed_bytes=int(min(limit, max(limit * (1 - rules.headroom_storage_fraction), wished.size_bytes))),
        committed_vcores=min(vcores, max(vcores * (1 - rules.headroom_vcores_fraction), wished.vcores_demanded)),
        databases=pool.max_databases,
    )

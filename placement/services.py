"""Choosing a pool, and taking room in it."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Greatest

from inventory.models import Database, ElasticPool, SqlServer
from placement.engine.decision import Ceilings, Decision, Shortfall
from placement.engine.fleet import Fleet, WorkspaceCounts
from placement.engine.place import place, why_not
from placement.snapshot import PRESENT, demand_of, fleet_in, neighbours_of, policy, usage_of, without


def choose_pool(database: Database, *, exclude: Collection[str] = ()) -> Decision:
    """Where this database should go now, and why, by measured loads where there are any; nothing is taken yet."""
    fleet = fleet_in(database.region)
    counts, usage = neighbours_of(fleet, database), usage_of(fleet, database)
    return place(fleet, demand_of(database), policy(), exclude, workspace_counts=counts, usage=usage)


def why_not_there(database: Database, pool: ElasticPool) -> tuple[Shortfall, ...]:
    """What this pool lacks for the database, rule by rule; nothing where it could take it. KeyError for one of elsewhere."""
    fleet = fleet_in(database.region)
    counts, usage = neighbours_of(fleet, database), usage_of(fleet, database)
    return why_not(fleet, demand_of(database), policy(), str(pool.pk), workspace_counts=counts, usage=usage)


def take_room(database: Database, pool_id: UUID, ceilings: Ceilings) -> bool:
    """Take the room of one database in a pool, as far as the engine allowed, or nothing: False when it no longer fits.

    One conditional UPDATE: never read and then write, so that any number may try at once.
    """
    taken = ElasticPool.objects.filter(
        pk=pool_id,
        status__in=PRESENT,
        is_cordoned=False,
        databases_committed__lt=ceilings.databases,
        bytes_committed__lte=ceilings.committed_bytes - database.size_bytes,
        vcores_demanded__lte=ceilings.committed_vcores - database.vcores_demanded,
    ).update(
        databases_committed=F("databases_committed") + 1,
        bytes_committed=F("bytes_committed") + database.size_bytes,
        vcores_demanded=F("vcores_demanded") + database.vcores_demanded,
    )
    return bool(taken)


def take_server_room(server_id: UUID, *, databases: int = 0, vcores: int = 0) -> bool:
    """Take room on a server: database slots by our own limit, vCores by Azure's (540 a server; one vCore counts as 100 DTU).

    False when it does not fit.
    """
    taken = SqlServer.objects.filter(
        pk=server_id,
        is_cordoned=False,
        status__in=PRESENT,
        databases_committed__lte=settings.SERVER_DATABASES - databases,
        vcores_committed__lte=settings.SERVER_VCORES - vcores,
    ).update(databases_committed=F("databases_committed") + databases, vcores_committed=F("vcores_committed") + vcores)
    return bool(taken)


def give_room_back(database: Database) -> None:
    """Return what a database held in its pool and on its server; once, however often it is called."""
    if not Database.objects.filter(pk=database.pk, holds_room=True).update(holds_room=False):
        return
    database.holds_room = False
    if database.pool_id is not None:
        ElasticPool.objects.filter(pk=database.pool_id).update(
            databases_committed=F("databases_committed") - 1,
            bytes_committed=F("bytes_committed") - database.size_bytes,
            vcores_demanded=Greatest(F("vcores_demanded") - database.vcores_demanded, 0.0),
        )
    assert database.server_id is not None, "room is held on a server"
    SqlServer.objects.filter(pk=database.server_id).update(
        databases_committed=F("databases_committed") - 1,
        vcores_committed=F("vcores_committed") - (0 if database.pool_id else database.vcores or 0),
    )


def take_more_room(pool_id: UUID, *, size_bytes: int, vcores: float, ceilings: Ceilings) -> bool:
    """Take more room for a database that stands in the pool already, or nothing: False where it does not fit. A cordon
    closes a pool to newcomers, not to the growth of what is there."""
    taken = ElasticPool.objects.filter(
        pk=pool_id,
        status=ElasticPool.Status.READY,
        bytes_committed__lte=ceilings.committed_bytes - size_bytes,
        vcores_demanded__lte=ceilings.committed_vcores - vcores,
    ).update(bytes_committed=F("bytes_committed") + size_bytes, vcores_demanded=F("vcores_demanded") + vcores)
    return bool(taken)


def return_room(pool_id: UUID, *, databases: int, size_bytes: int, vcores: float) -> None:
    """Return room that was taken in a pool; the caller sees to it that this happens once."""
    ElasticPool.objects.filter(pk=pool_id).update(
        databases_committed=F("databases_committed") - databases,
        bytes_committed=F("bytes_committed") - size_bytes,
        vcores_demanded=Greatest(F("vcores_demanded") - vcores, 0.0),
    )


def return_server_room(server_id: UUID, *, vcores: int) -> None:
    """Return vCores that were taken on a server; the caller sees to it that this happens once."""
    SqlServer.objects.filter(pk=server_id).update(vcores_committed=F("vcores_committed") - vcores)


def still_fits(database: Database) -> bool:
    """Whether the pool where the database stands would take it now: every hard rule anew, its own share taken out first."""
    pool = database.pool
    assert pool is not None, "it stands in a pool"
    fleet = Fleet.of([without(database, pool)])
    counts, usage = WorkspaceCounts.none(fleet), usage_of(fleet, database)
    return place(fleet, demand_of(database), policy(), (), workspace_counts=counts, usage=usage).pool_id is not None

"""Choosing a pool, and taking room in it."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q
from django.db.models.functions import Greatest

from inventory.models import Database, ElasticPool, SqlServer
from placement.engine.decision import Decision
from placement.engine.place import place
from placement.snapshot import PRESENT, demand_of, fleet_in, neighbours_of, policy


def choose_pool(database: Database, *, exclude: Collection[str] = ()) -> Decision:
    """Where this database should go now, and why; nothing is taken yet."""
    fleet = fleet_in(database.region)
    counts = neighbours_of(fleet, database)
    return place(fleet, demand_of(database), policy(), exclude, workspace_counts=counts)


def take_room(database: Database, pool_id: UUID) -> bool:
    """Take the room of one database in a pool and on its server, or nothing: False when it no longer fits.

    One conditional UPDATE each, pool first: never read and then write, so that any number may try at once.
    """
    fits = Q(databases_committed__lt=F("max_databases")) & _storage_fits(database) & _vcores_fit(database)
    taken = ElasticPool.objects.filter(fits, pk=pool_id, status__in=PRESENT, is_cordoned=False).update(
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


def _storage_fits(database: Database) -> Q:
    """Below the limit less headroom, or alone within the whole limit (the engine's own rule)."""
    usable = F("max_size_bytes") * (1 - settings.PLACEMENT_HEADROOM_STORAGE)
    shared = Q(bytes_committed__lte=usable - database.size_bytes)
    return shared | Q(bytes_committed=0, max_size_bytes__gte=database.size_bytes)


def _vcores_fit(database: Database) -> Q:
    usable = F("vcores") * (1 - settings.PLACEMENT_HEADROOM_VCORES)
    shared = Q(vcores_demanded__lte=usable - database.vcores_demanded)
    return shared | Q(databases_committed=0, vcores__gte=database.vcores_demanded)

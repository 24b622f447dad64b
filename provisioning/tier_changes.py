"""A database's way from one tier to another, as our rows have it: a stand-in holds the room of what it will be, until the two
exchange their places."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F
from django.db.models.functions import Least

from inventory.identifiers import azure_name
from inventory.models import Database, ElasticPool, SqlServer
from inventory.states import Status, move
from inventory.transitions import Home
from operations import clock
from operations.clock import DatabaseNow
from operations.models import Operation
from operations.outcomes import StepError
from operations.workflow import Ending
from placement.services import give_room_back, take_server_room
from provisioning.places import settle_in_standing_pool
from provisioning.targets import database_of, server_row_of, stand_in_of

HYPERSCALE_SKU = "HS_Gen5"
RETURN_DAYS = 45
"""So long after a conversion Azure takes a database back to General Purpose (Microsoft, reverse migrate, 2025)."""
PLACE = ("server_id", "pool_id", "holds_room", "placement")
SIZE = ("service_tier", "sku_name", "vcores", "size_bytes", "vcores_demanded")


def add_stand_in(operation: Operation, database: Database, **columns: object) -> Database:
    """The row of what it will be; it never comes to be in Azure, and is told from what was by having no `ready_at`."""
    same = ("region_id", "retention_days", "backup_redundancy", "size_bytes", "vcores_demanded")
    return Database.objects.create(
        id=operation.pk,
        stands_in_for=database,
        azure_name=azure_name("d", operation.pk),
        status=Status.UPDATING,
        **{**{name: getattr(database, name) for name in same}, **columns},
    )


def as_wished(operation: Operation, stand_in: Database) -> Database:
    """The stand-in as neighbours count it, and asking for the zones that are wished; neither is saved with it."""
    stand_in.service = database_of(operation).service
    stand_in.pool = ElasticPool(is_zone_redundant=True) if operation.input.get("zone_redundant") else None
    return stand_in


def settle_in_hyperscale(operation: Operation, stand_in: Database, server: SqlServer) -> None:
    """Room in a Hyperscale pool of the server that it is on already, where operators keep one that has room and nothing else
    is wished; else as a single database there. Raises StepError NoRoomOnServer."""
    home = operation.input.get("home") or (Home.SINGLE if _comes_from_zones(operation) else None)
    pooled = home != Home.SINGLE and settle_in_standing_pool(operation, as_wished(operation, stand_in), server)
    if pooled:
        Database.objects.filter(pk=stand_in.pk).update(vcores=None, sku_name="")
    elif home == Home.POOL:
        raise StepError("NoRoomOnServer", f"{server} has no such Hyperscale pool with room for it.")
    else:
        _settle_single(stand_in, server)


def _comes_from_zones(operation: Operation) -> bool:
    """Azure converts no database of a zone-redundant pool into a pool that is not (known limitations)."""
    pool = database_of(operation).pool
    return pool is not None and pool.is_zone_redundant


def _settle_single(stand_in: Database, server: SqlServer) -> None:
    if not take_server_room(server.pk, databases=1, vcores=stand_in.vcores or 0):
        text = (
            f"{server} has not the {stand_in.vcores} vCores to spare, and Azure converts a database only on its server."
        )
        raise StepError("NoRoomOnServer", text)
    reason = {"reason": f"Azure converts a database on its own server, which has {stand_in.vcores} vCores to spare."}
    stand_in.server, stand_in.pool, stand_in.holds_room, stand_in.placement = server, None, True, reason
    stand_in.save(update_fields=["server", "pool", "holds_room", "placement"])


def record_left_pool(operation: Operation, database: Database) -> None:
    """It has left its Hyperscale pool in Azure, and holds the vCores that were taken for it; once, however often."""
    if not operation.choices.get("left_pool") or database.pool_id is None:
        return
    give_room_back(database)
    alone = {"pool": None, "vcores": operation.input["vcores"], "sku_name": HYPERSCALE_SKU, "holds_room": True}
    Database.objects.filter(pk=database.pk).update(**alone)
    SqlServer.objects.filter(pk=server_row_of(database).pk).update(databases_committed=F("databases_committed") + 1)
    database.refresh_from_db()


def end_return(operation: Operation, ending: Ending) -> None:
    """A pooled database again; or all is as it was, but for a Hyperscale pool that it had left already."""
    database = database_of(operation)
    record_left_pool(operation, database)
    held_by_it = database.vcores or 0 if operation.choices.get("left_pool") else 0
    extra = operation.choices.get("extra_vcores", 0) - held_by_it
    server = server_row_of(database)
    SqlServer.objects.filter(pk=server.pk).update(vcores_committed=F("vcores_committed") - extra)
    end(operation, ending, converted_at=None)


def end(operation: Operation, ending: Ending, *, converted_at: datetime | None) -> None:
    """The row has its new tier and place; or all is as it was. The other's room is given back."""
    database, stand_in = database_of(operation), stand_in_of(operation)
    if ending is Ending.SUCCEEDED:
        _exchange(database, stand_in)
        move(
            database, Status.READY, converted_at=converted_at, return_alerted_days=None, error_code="", error_message=""
        )
        stand_in.refresh_from_db()
    else:
        move(database, Status.READY)
    give_room_back(stand_in)
    move(stand_in, Status.DELETED, deleted_at=clock.now())
    server = SqlServer.objects.filter(pk=server_row_of(database).pk)
    server.update(observe_due_at=Least("observe_due_at", DatabaseNow()))  # what is shown of it is of before


def _exchange(one: Database, other: Database) -> None:
    first, second = ({name: getattr(row, name) for name in (*PLACE, *SIZE)} for row in (one, other))
    Database.objects.filter(pk=one.pk).update(**second)
    Database.objects.filter(pk=other.pk).update(**first)


def return_until(database: Database) -> datetime | None:
    """Until when Azure takes it back; None where it was never converted."""
    return database.converted_at + timedelta(days=RETURN_DAYS) if database.converted_at else None

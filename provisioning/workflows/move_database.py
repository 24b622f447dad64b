"""A database moves to another pool of its server: room there first, then Azure switches it over, connections drop once. A
Hyperscale one may also leave pools for compute of its own, or come from there. Into other zones its data are
copied, while it is online.

Both places count it until one of them is left: the old one when it has arrived, the new one when nothing came of it.
"""

from __future__ import annotations

from datetime import timedelta

from inventory.models import Database
from inventory.transitions import Home
from operations.models import Operation
from operations.outcomes import Next, Outcome, StepError
from operations.workflow import Ending, Workflow, computes, signs_in
from placement.engine.sizing import vcores_for_hyperscale
from placement.services import return_server_room, take_server_room
from placement.snapshot import policy
from provisioning.inspection import contents_of
from provisioning.move_windows import changes_zones, seconds_for
from provisioning.relocating import (
    await_change,
    await_place,
    await_window,
    examine_change,
    free_database,
    hold_place,
    start_change,
)
from provisioning.relocations import arrive, as_wished, give_up, in_zones, stand_alone, take_elsewhere, take_named
from provisioning.targets import database_of, server_row_of
from provisioning.tier_changes import HYPERSCALE_SKU


@signs_in
def inspect(operation: Operation) -> Outcome:
    """See how much there is to copy, where it goes into other zones; nothing to do where it does not."""
    database = database_of(operation)
    if not changes_zones(operation, database):
        return Next()
    size = contents_of(operation, database).data_bytes
    return Next(choices={"data_bytes": size, "expected_seconds": seconds_for(size)})


@computes
def choose_pool(operation: Operation) -> Outcome:
    """Take room in another pool, the one that a plan names or the best, with zones where those are wished, or on the server
    alone; a choice already made is kept."""
    if "room" in operation.choices or "vcores" in operation.choices:
        return Next()
    database = database_of(operation)
    if operation.input.get("home") == Home.SINGLE:
        return _take_alone(database)
    wished = in_zones(as_wished(database, None), operation.input.get("zone_redundant"))
    if "to" in operation.input:
        return Next(choices={"room": take_named(wished, operation.input["to"])})
    return Next(choices={"room": take_elsewhere(operation, wished, avoid=operation.input.get("avoid", ()))})


def settle(operation: Operation, ending: Ending) -> None:
    database, chosen = database_of(operation), operation.choices
    if "room" in chosen:
        arrive(database, chosen["room"]) if ending is Ending.SUCCEEDED else give_up(chosen["room"])
    if "vcores" in chosen:
        _settle_alone(database, chosen["vcores"], ending)
    free_database(database)


MOVE_DATABASE = Workflow(
    kind="move_database",
    settle=settle,
    steps=(inspect, choose_pool, await_place, await_window, hold_place, start_change, await_change, examine_change),
    point_of_no_return="start_change",
    deadline=timedelta(
        days=4
    ),  # 85 hours for 4 TB into other zones, at more than a minute a GB, and time to look at it
    indispensable=("inspect",),
)


def _take_alone(database: Database) -> Outcome:
    server, vcores = server_row_of(database), vcores_for_hyperscale(database.size_bytes, policy())
    if not take_server_room(server.pk, vcores=vcores):
        raise StepError("NoRoomOnServer", f"{server} has not the {vcores} vCores to spare.")
    return Next(choices={"vcores": vcores, "sku_name": HYPERSCALE_SKU})


def _settle_alone(database: Database, vcores: int, ending: Ending) -> None:
    if ending is Ending.SUCCEEDED:
        stand_alone(database, vcores)
    else:
        return_server_room(server_row_of(database).pk, vcores=vcores)

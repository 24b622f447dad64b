"""A database is given more room: where it stands, with more compute, or in another pool of its server.

In its pool nothing is disturbed. Where that has no room it moves, and a single Hyperscale database that needs more vCores
is scaled: connections drop once. Beyond what pools hold it is converted, which is a workflow of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings

from inventory.models import Database
from inventory.states import Status
from operations.models import Operation
from operations.outcomes import END, Next, Outcome, StepError, Wait
from operations.workflow import Ending, Workflow, computes
from placement.engine.sizing import vcores_for_hyperscale
from placement.snapshot import policy
from provisioning.relocating import (
    await_change,
    await_place,
    await_window,
    examine_change,
    free_database,
    hold_place,
    start_change,
)
from provisioning.relocations import (
    arrive,
    as_wished,
    give_up,
    return_compute,
    shrink_in_place,
    take_compute,
    take_elsewhere,
    take_in_place,
)
from provisioning.targets import database_of

MOVES, SCALES, IN_PLACE, BY_NAME = "move", "scale", "in_place", "by_name"


@computes
def choose_way(operation: Operation) -> Outcome:
    """Take the room where it is, else elsewhere; a choice already made is kept."""
    if "way" in operation.choices:
        return Next()
    database = database_of(operation)
    wished = as_wished(database, operation.input["size_bytes"])
    former = {"former_bytes": database.size_bytes, "former_demand": database.vcores_demanded}
    if database.pool is None:
        return _scale(database, wished, former)
    if database.pool.status == Status.UPDATING:
        return Wait(settings.LOOK_AGAIN_SECONDS, on=database.pool.key, reason="Its pool is being resized.")
    if take_in_place(database, wished):
        return Next(choices={"way": IN_PLACE, "max_size_bytes": wished.size_bytes, **former})
    if not operation.input["may_disturb"]:
        text = "Its pool has no room for the new size any more; growing it means a move, which nobody has accepted."
        raise StepError("DisruptionNotAccepted", text)
    room = take_elsewhere(operation, wished)
    return Next(choices={"way": MOVES, "room": room, "max_size_bytes": wished.size_bytes, **former})


def settle(operation: Operation, ending: Ending) -> None:
    """The new size stands; or all room is as it was."""
    chosen, database = operation.choices, database_of(operation)
    if ending is not Ending.SUCCEEDED:
        _undo(database, chosen)
    elif chosen["way"] == MOVES:
        arrive(database, chosen["room"])
    free_database(database)


GROW_DATABASE = Workflow(
    kind="grow_database",
    settle=settle,
    steps=(choose_way, await_place, await_window, hold_place, start_change, await_change, examine_change),
    point_of_no_return="start_change",
    deadline=timedelta(hours=24),
)


def _scale(database: Database, wished: Database, former: Mapping[str, object]) -> Outcome:
    """A single database: its storage grows by itself, its compute by the table of sizes."""
    vcores = vcores_for_hyperscale(wished.size_bytes, policy())
    way = SCALES if vcores > (database.vcores or 0) else BY_NAME
    if way == SCALES and not take_compute(database, vcores):
        text = f"{database.server} has no {vcores} vCores for it."
        raise StepError("NoRoomOnServer", text)
    Database.objects.filter(pk=database.pk).update(size_bytes=wished.size_bytes, vcores_demanded=wished.vcores_demanded)
    if way == BY_NAME:
        return Next(to=END, choices={"way": way, **former})
    return Next(choices={"way": way, "vcores": vcores, "former_vcores": database.vcores, **former})


def _undo(database: Database, chosen: Mapping[str, Any]) -> None:
    way = chosen.get("way")
    if way == MOVES:
        give_up(chosen["room"])
    elif way is not None:
        shrink_in_place(database, size_bytes=chosen["former_bytes"], vcores=chosen["former_demand"])
        if way == SCALES:
            return_compute(database, chosen["former_vcores"])

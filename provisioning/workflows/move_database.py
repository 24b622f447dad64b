"""A database moves to another pool of its server: room there first, then Azure switches it over, connections drop once.

Both pools count it until one of them is left: the old one when it has arrived, the new one when nothing came of it.
"""

from __future__ import annotations

from datetime import timedelta

from operations.models import Operation
from operations.outcomes import Next, Outcome
from operations.workflow import Ending, Workflow, computes
from provisioning.relocating import (
    await_change,
    await_place,
    await_window,
    examine_change,
    free_database,
    hold_place,
    start_change,
)
from provisioning.relocations import arrive, as_wished, give_up, take_elsewhere
from provisioning.targets import database_of


@computes
def choose_pool(operation: Operation) -> Outcome:
    """Take room in another pool; a choice already made is kept."""
    if "room" in operation.choices:
        return Next()
    database = database_of(operation)
    room = take_elsewhere(operation, as_wished(database, None), avoid=operation.input.get("avoid", ()))
    return Next(choices={"room": room})


def settle(operation: Operation, ending: Ending) -> None:
    database, room = database_of(operation), operation.choices.get("room")
    if room is not None:
        arrive(database, room) if ending is Ending.SUCCEEDED else give_up(room)
    free_database(database)


MOVE_DATABASE = Workflow(
    kind="move_database",
    settle=settle,
    steps=(choose_pool, await_place, await_window, hold_place, start_change, await_change, examine_change),
    point_of_no_return="start_change",
    deadline=timedelta(hours=24),
)

"""A pool gets another size. Its databases stay online; connections drop once, at the switch."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from cloud import factory
from cloud.changes import PoolChange
from cloud.errors import InProgress
from cloud.protocols import ObservedPool, Sku
from inventory.models import ElasticPool
from inventory.states import Status, move
from operations.locks import Lock, Mode
from operations.models import Operation
from operations.outcomes import END, Next, Outcome, StepError, Wait
from operations.waking import wake
from operations.workflow import Ending, Workflow, acts, decides, looks
from placement.services import return_server_room, take_server_room
from provisioning import awaiting, runs
from provisioning.changes.forecast import workspaces_of
from provisioning.durations import expected_seconds
from provisioning.holding import hold, let_go
from provisioning.targets import pool_of, reference
from provisioning.windows import is_over, tell_owners_of_end, wait_for_window

COLUMNS = ("vcores", "max_size_bytes", "max_databases", "per_database_min_vcores", "per_database_max_vcores")


@decides
def await_window(operation: Operation) -> Outcome:
    """Every database of the pool drops its connections: wait for a moment at which all their owners may be disturbed."""
    pool, expected = pool_of(operation), expected_seconds(operation.kind)
    outcome = wait_for_window(operation, expected_seconds=expected, workspaces=workspaces_of(pool))
    return _give_back(operation, pool, outcome) if isinstance(outcome, Wait) else outcome


@decides
def hold_pool(operation: Operation) -> Outcome:
    """Have the pool to ourselves, and the vCores that it gains; what is placed there meanwhile goes elsewhere."""
    pool, wish = pool_of(operation), operation.input
    if pool.status == Status.UPDATING:
        return Next()
    locks = [
        Lock(pool.key, Mode.EXCLUSIVE, "resizes the pool"),
        Lock(pool.server.key, Mode.SHARED, "resizes a pool here"),
    ]
    outcome = hold(operation, pool.server, locks)
    if not isinstance(outcome, Next):
        return outcome
    pool.refresh_from_db()
    if wish["max_size_bytes"] < pool.bytes_committed or wish["max_databases"] < pool.databases_committed:
        raise StepError("PoolTooFull", "More was promised to the pool's databases than the new size holds.")
    gained = max(0, wish["vcores"] - pool.vcores)
    if gained and not take_server_room(pool.server_id, vcores=gained):
        raise StepError("NoRoomOnServer", f"{pool.server} has no {gained} vCores to spare.")
    move(pool, Status.UPDATING)
    return Next(choices={"gained_vcores": gained})


@acts
def start_resize(operation: Operation) -> Outcome:
    """Ask Azure for the size. Asking twice for the same changes nothing; what is under way from an earlier run is ours."""
    pool, management = pool_of(operation), factory.sql_management()
    if operation.maybe_happened and _was_asked(operation, pool):
        return awaiting.taken_before(operation)
    if is_over(operation, workspaces_of(pool)):
        return Next(to="await_window")
    try:
        answer = management.begin_update_pool(reference(pool.server), pool.azure_name, _change(operation, pool))
    except InProgress:
        if operation.maybe_happened:
            return awaiting.taken_before(operation)
        raise
    return awaiting.accepted(operation, answer)


@looks
def await_resize(operation: Operation) -> Outcome:
    pool, wish = pool_of(operation), operation.input
    sized = (pool.observed_vcores, pool.observed_max_size_bytes) == (wish["vcores"], wish["max_size_bytes"])
    shown = "done" if sized and pool.observed_state == "Ready" else pool.observed_state
    return awaiting.await_state(operation, pool, state=shown, wanted="done", then=END, examine="examine_resize")


@acts
def examine_resize(operation: Operation) -> Outcome:
    pool = pool_of(operation)

    def stands() -> bool:
        seen = factory.sql_management().get_pool(reference(pool.server), pool.azure_name)
        return _stands(operation.input, seen)

    return awaiting.examine_change(
        operation,
        subscription_id=pool.server.subscription_id,
        stands=stands,
        back_to="await_resize",
        ask_again="start_resize",
    )


def settle(operation: Operation, ending: Ending) -> None:
    """The new size counts, vCores that are not used any more are free; or all is as it was. Its owners hear of it."""
    tell_owners_of_end(operation, ending)
    pool, gained = pool_of(operation), operation.choices.get("gained_vcores")
    if gained is None:
        return
    if ending is Ending.SUCCEEDED:
        return_server_room(pool.server_id, vcores=max(0, pool.vcores - operation.input["vcores"]))
        move(pool, Status.READY, **{name: operation.input[name] for name in COLUMNS})
    else:
        return_server_room(pool.server_id, vcores=gained)
        move(pool, Status.READY)
    wake([pool.key])


RESIZE_POOL = Workflow(
    kind="resize_pool",
    settle=settle,
    steps=(await_window, hold_pool, start_resize, await_resize, examine_resize),
    point_of_no_return="start_resize",
    deadline=timedelta(hours=24),
)


def _give_back(operation: Operation, pool: ElasticPool, waits: Wait) -> Outcome:
    """If its window passed while it held the pool, others may have it, and the vCores, until the next one."""
    gained = operation.choices.get("gained_vcores")
    if gained is None:
        return let_go(operation, waits)
    return_server_room(pool.server_id, vcores=gained)
    move(pool, Status.READY)
    wake([pool.key])
    return let_go(operation, replace(waits, choices={**waits.choices, "gained_vcores": None}))


def _was_asked(operation: Operation, pool: ElasticPool) -> bool:
    """Whether an earlier run of ours has reached Azure: it shows the size, or is at it."""
    seen = factory.sql_management().get_pool(reference(pool.server), pool.azure_name)
    return _stands(operation.input, seen) or (seen is not None and runs.pool_under_way(pool) is not None)


def _change(operation: Operation, pool: ElasticPool) -> PoolChange:
    wish = operation.input
    return PoolChange(
        sku=Sku(pool.sku_name, pool.service_tier, pool.family, wish["vcores"]),
        max_size_bytes=wish["max_size_bytes"],
        per_database_vcores=(wish["per_database_min_vcores"], wish["per_database_max_vcores"]),
    )


def _stands(wish: dict[str, Any], seen: ObservedPool | None) -> bool:
    return (
        seen is not None
        and seen.state == "Ready"
        and (seen.sku.capacity, seen.max_size_bytes) == (wish["vcores"], wish["max_size_bytes"])
        and (seen.per_database_min_vcores, seen.per_database_max_vcores)
        == (wish["per_database_min_vcores"], wish["per_database_max_vcores"])
    )

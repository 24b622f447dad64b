"""A pool is emptied: closed to placement, then its databases move to other pools of the server, a few at a time.

It may be cancelled at any time: what has moved has moved, what moves arrives, the rest stays. Repeating it goes on.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from inventory.models import Database, ElasticPool
from inventory.states import Status
from operations.models import Operation
from operations.outcomes import Ask, Next, Outcome, Wait
from operations.services import active_operation, submit
from operations.waking import operation_key
from operations.workflow import Ending, Workflow, decides
from provisioning.cordons import cordon
from provisioning.targets import pool_of
from provisioning.windows import KEY as WINDOW
from provisioning.windows import stop_the_deadline

AT_ONCE = 4


@decides
def close_pool(operation: Operation) -> Outcome:
    """Let nothing new be placed here."""
    pool = pool_of(operation)
    cordon(pool, actor=operation.actor, reason="It is being drained.")
    return Next(choices={"databases": _left(pool)})


@decides
def move_databases(operation: Operation) -> Outcome:
    """Begin with the next few, largest first; go on once none is left. What cannot move is named, and a human decides."""
    pool = pool_of(operation)
    here = Database.objects.filter(pool=pool, holds_room=True, stands_in_for=None).select_related("service__workspace")
    if not here.exists():
        return _await_others(operation, pool)
    waits_for: Operation | None = None
    at_work = 0
    for database in here.order_by("-size_bytes", "pk"):
        active = active_operation(database.key)
        at_work += 0 if active and active.waits_on.startswith(WINDOW) else 1  # who waits for a window keeps nobody back
        if at_work > AT_ONCE:
            break
        if active is None and (question := _obstacle(operation, database)):
            return question
        active = active or _move(operation, database)
        waits_for = waits_for or active
    assert waits_for is not None, "somebody was found there"
    if not at_work:
        stop_the_deadline(operation, timedelta(seconds=settings.LOOK_AGAIN_SECONDS))
    left, all_of_them = _left(pool), operation.choices["databases"]
    return Wait(
        settings.LOOK_AGAIN_SECONDS,
        on=operation_key(waits_for),
        reason=f"{left} of {all_of_them} databases are still in the pool.",
        choices={"progress": {"databases": all_of_them, "moved": max(0, all_of_them - left)}},
    )


@decides
def finish(operation: Operation) -> Outcome:
    """All have gone; the pool stays closed."""
    count = operation.choices["databases"]
    return Next(choices={"progress": {"databases": count, "moved": count}})


def settle(operation: Operation, ending: Ending) -> None:
    """Nothing more to write: each move has settled itself, and the pool stays closed until somebody opens it."""


DRAIN_POOL = Workflow(
    kind="drain_pool",
    settle=settle,
    steps=(close_pool, move_databases, finish),
    point_of_no_return="finish",
    deadline=timedelta(days=7),
)


def _move(operation: Operation, database: Database) -> Operation:
    service = database.service
    return submit(
        "move_database",
        target=database.key,
        actor=operation.actor,
        workspace=service.workspace.name if service else "",
        wish={"reason": operation.input.get("reason", ""), "avoid": [str(database.pool_id)]},
        priority=operation.priority,
        parent=operation,
    )


def _obstacle(operation: Operation, database: Database) -> Ask | None:
    """A move that failed since this was begun, or last retried; or a database that is in no state to move."""
    if database.status != Status.READY:
        return Ask("DatabaseNotReady", f"{database} is {database.status}; it cannot move.")
    began_at = operation.choices.get("retried_at") or operation.created_at
    moves = Operation.objects.filter(target_key=database.key, kind="move_database", parent=operation)
    failed = moves.filter(state=Operation.State.FAILED, created_at__gte=began_at).last()
    if failed is None:
        return None
    return Ask(failed.error_code or "NotMoved", f"{database} could not move: {failed.error_message}")


def _await_others(operation: Operation, pool: ElasticPool) -> Outcome:
    """Room that another operation holds here, for a database on its way or one that has left, is given up, or used and then
    given up, by that one."""
    if not pool.databases_committed:
        return Next()
    stand_ins = Database.objects.filter(pool=pool, holds_room=True).values("pk")
    others = Operation.objects.filter(pk__in=stand_ins).exclude(state__in=Operation.TERMINAL)
    if others and all(one.waits_on.startswith(WINDOW) for one in others):
        stop_the_deadline(operation, timedelta(seconds=settings.LOOK_AGAIN_SECONDS))
    return Wait(settings.LOOK_AGAIN_SECONDS, on=pool.key, reason="A database is on its way here, or has just left.")


def _left(pool: ElasticPool) -> int:
    return Database.objects.filter(pool=pool, holds_room=True).count()

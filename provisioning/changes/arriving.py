"""Where a change leads: its own deciding steps take the room, within a transaction that is undone, and plans tell of that."""

from __future__ import annotations

from inventory.models import Database, ElasticPool
from operations import clock
from operations.models import Operation
from operations.outcomes import Next
from operations.workflow import Ending, workflow_of
from provisioning.changes.forecast import priced_pool
from provisioning.changes.prices import Priced

CHOOSING = ("leave_refused_place", "choose_pool", "place")
"""The steps by which a change takes room; what they choose is what a plan shows."""


def take_place(operation: Operation) -> None:
    """Take the room that it would take. Raises StepError, NoPlace."""
    for step in workflow_of(operation.kind).steps:
        if step.name in CHOOSING:
            outcome = step(operation)
            operation.choices |= outcome.choices if isinstance(outcome, Next) else {}


def arrive(operation: Operation) -> None:
    """Take its room, and write it down as arrived. Raises StepError, NoPlace."""
    operation.choices["cut_over_at"] = clock.now().isoformat()
    take_place(operation)
    operation.state = Operation.State.SUCCEEDED
    operation.save(update_fields=["choices", "state"])
    workflow_of(operation.kind).settle(operation, Ending.SUCCEEDED)


def made_for(*operations: Operation) -> list[Operation]:
    """What has to be made first, by operations of its own."""
    return list(Operation.objects.filter(parent__in=operations).order_by("created_at"))


def priced_pools(made: list[Operation]) -> list[Priced]:
    """What the pools among them are billed by; room in a pool that stands costs nothing."""
    keys = [one.target_key.partition(":")[2] for one in made if one.kind == "create_pool"]
    return [priced_pool(pool) for pool in ElasticPool.objects.filter(pk__in=keys)]


def priced_alone(database: Database) -> list[Priced]:
    """What it is billed by itself: a single database's compute and storage."""
    if database.pool_id is not None:
        return []
    return [Priced(database.service_tier, database.vcores or 0, database.size_bytes)]

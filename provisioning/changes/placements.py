"""Where a database that was just placed stands, as plans tell it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from inventory.models import Database
from operations.models import Operation
from provisioning.changes.plan import Placement
from provisioning.warm.claiming import KIND as CLAIM


def placement_of(operation: Operation, database: Database, made_for_it: Collection[Operation] = ()) -> Placement:
    """Where the database stands now that the deciding steps have run. `made_for_it`: by operations that begin others."""
    made = set(Operation.objects.filter(parent=operation).values_list("kind", flat=True))
    made |= {one.kind for one in made_for_it}
    if operation.kind == CLAIM:
        stands = "pool" if database.pool_id else "server"
        return Placement(stands, False, "A database of the stock stands ready.", database.placement)
    if database.pool_id is None:
        reason = "It is a single database, on a server with vCores to spare."
        return Placement("server", "create_server" in made, reason, database.placement)
    return in_pool(database.placement, is_new="create_pool" in made)


def in_pool(decision: dict[str, Any], *, is_new: bool) -> Placement:
    """The pool that was decided on, and among how many."""
    pools, feasible = decision.get("pools", 0), decision.get("feasible", 0)
    reason = f"The best of {feasible} pools that can take it, among {pools}."
    if is_new:
        reason = f"None of {pools - 1} pools can take it, so a new one is made."
    return Placement("pool", is_new, reason, decision)

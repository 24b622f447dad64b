"""Where a database that was just placed stands, as plans tell it."""

from __future__ import annotations

from inventory.models import Database
from operations.models import Operation
from provisioning.changes.plan import Placement
from provisioning.warm.claiming import KIND as CLAIM


def placement_of(operation: Operation, database: Database) -> Placement:
    """Where the database stands now that the deciding steps have run."""
    made = set(Operation.objects.filter(parent=operation).values_list("kind", flat=True))
    if operation.kind == CLAIM:
        stands = "pool" if database.pool_id else "server"
        return Placement(stands, False, "A database of the stock stands ready.", database.placement)
    if database.pool_id is None:
        reason = "It is a single database, on a server with vCores to spare."
        return Placement("server", "create_server" in made, reason, database.placement)
    is_new = "create_pool" in made
    pools, feasible = database.placement.get("pools", 0), database.placement.get("feasible", 0)
    reason = f"The best of {feasible} pools that can take it, among {pools}."
    if is_new:
        reason = f"None of {pools - 1} pools can take it, so a new one is made."
    return Placement("pool", is_new, reason, database.placement)

"""Repairs that drop connections wait for windows as any change does; the rest is put right at once."""

from __future__ import annotations

from collections.abc import Collection

from inventory.models import Database, ElasticPool, SqlServer
from operations.models import Operation
from operations.outcomes import Next, Outcome
from provisioning import runs
from provisioning.changes.forecast import workspaces_of
from provisioning.durations import expected_seconds
from provisioning.holding import let_go
from provisioning.models import Finding
from provisioning.windows import is_over, opening_for, wait_for_window

DROPS_CONNECTIONS = {"database": frozenset(("pool", "sku")), "pool": frozenset(("sku", "zone_redundant"))}
"""Properties that Azure sets by moving to other compute, for which connections drop for seconds (Microsoft, scale single
database resources; scale elastic pool resources)."""

SIZES_OF_POOL = frozenset(("max_size_bytes", "per_database_vcores"))  # what is lawful follows from the SKU


def disturbs(target: str, attributes: Collection[str]) -> bool:
    """Whether putting these properties of a target back drops connections."""
    return bool(DROPS_CONNECTIONS.get(target.partition(":")[0], frozenset()) & set(attributes))


def begin_with(found: list[Finding], row: Database | ElasticPool | SqlServer, *, waits: bool) -> list[Finding]:
    """What one repair takes on: all, while its owners may be disturbed; else first what disturbs nobody. The others, alone,
    are taken on by a repair that `waits` for the window, or by none."""
    calm = [one for one in found if not disturbs(one.target, [one.attribute])]
    if isinstance(row, ElasticPool) and any(one.attribute == "sku" for one in found):
        calm = [one for one in calm if one.attribute not in SIZES_OF_POOL]
    if len(calm) == len(found) or _may_disturb(row):
        return found
    return calm if calm or not waits else found


def await_owners(operation: Operation, row: Database | ElasticPool) -> Outcome:
    """Wait for a moment at which all who would notice the repair may be disturbed; go on at once where nobody would."""
    if not disturbs(operation.target_key, operation.input["attributes"]):
        return Next()
    outcome = wait_for_window(operation, expected_seconds=_seconds(row), workspaces=workspaces_of(row))
    return let_go(operation, outcome)


def has_missed(operation: Operation, row: Database | ElasticPool, left: Collection[str]) -> bool:
    """Whether the window passed before Azure was asked for what is left of a repair and disturbs."""
    if not disturbs(operation.target_key, left) or not is_over(operation, workspaces_of(row)):
        return False
    return not (operation.maybe_happened and _under_way(operation, row))


def _under_way(operation: Operation, row: Database | ElasticPool) -> bool:
    found = runs.under_way(operation, row) if isinstance(row, Database) else runs.pool_under_way(row)
    return found is not None


def _may_disturb(row: Database | ElasticPool | SqlServer) -> bool:
    return isinstance(row, SqlServer) or opening_for(workspaces_of(row), expected_seconds=_seconds(row)).is_now


def _seconds(row: Database | ElasticPool) -> float:
    """A repair takes as long as the change that it undoes."""
    return expected_seconds("move_database" if isinstance(row, Database) else "resize_pool")

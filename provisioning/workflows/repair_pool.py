"""A pool that was changed outside of us is put back as its row wants it."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from cloud import factory
from cloud.changes import PoolChange
from cloud.protocols import CallClass, ObservedPool
from inventory.models import ElasticPool
from operations.locks import Lock, Mode
from operations.models import Operation
from operations.outcomes import Outcome
from operations.workflow import Workflow, acts, decides
from provisioning.drift.differences import pool_differences, pool_sku, pool_tags
from provisioning.drift.disturbing import await_owners, has_missed
from provisioning.drift.putting_back import put_back, settle
from provisioning.holding import hold
from provisioning.targets import pool_of, reference


@decides
def await_window(operation: Operation) -> Outcome:
    """Other compute drops the connections of every database in it: that waits for all their owners' windows."""
    return await_owners(operation, pool_of(operation))


@decides
def hold_pool(operation: Operation) -> Outcome:
    """Have the pool alone: nobody creates or moves a database in it meanwhile."""
    pool = pool_of(operation)
    around = Lock(pool.server.key, Mode.SHARED, "repairs a pool here")
    return hold(operation, pool.server, [around, Lock(pool.key, Mode.EXCLUSIVE, "repairs the pool")])


@acts
def put_pool_back(operation: Operation) -> Outcome:
    """One PATCH of what still differs; its databases' connections drop at the end where compute changes."""
    pool, management = pool_of(operation), factory.sql_management(CallClass.REPAIR)
    server, name = reference(pool.server), pool.azure_name
    return put_back(
        operation,
        management.get_pool(server, name),
        differs=lambda seen: pool_differences(pool, seen, settings.DEPLOYMENT),
        ask=lambda seen, left: management.begin_update_pool(server, name, _change(operation, pool, seen, left)),
        missed=lambda left: has_missed(operation, pool, left),
    )


REPAIR_POOL = Workflow(
    kind="repair_pool",
    settle=settle,
    steps=(await_window, hold_pool, put_pool_back),
    point_of_no_return="put_pool_back",
    deadline=timedelta(hours=4),
)


def _change(operation: Operation, pool: ElasticPool, seen: ObservedPool, left: set[str]) -> PoolChange:
    """With another size come other limits, so storage and limits go together, and with the size where it differs (it drops
    connections, so not otherwise); tags that others added stay."""
    sized = bool(left & {"sku", "max_size_bytes", "per_database_vcores"})
    return PoolChange(
        sku=pool_sku(pool) if "sku" in left else None,
        max_size_bytes=pool.max_size_bytes if sized else None,
        per_database_vcores=(pool.per_database_min_vcores, pool.per_database_max_vcores) if sized else None,
        zone_redundant=pool.is_zone_redundant if "zone_redundant" in left else None,
        tags={**seen.tags, **pool_tags(pool, settings.DEPLOYMENT), "operation": str(operation.pk)},
    )

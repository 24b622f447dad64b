"""An elastic pool on a server that is there, or being made."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F

from cloud import factory
from cloud.protocols import PoolSpec, Sku
from inventory.models import ElasticPool, SqlServer
from inventory.states import Status, move
from operations import locks
from operations.models import Operation
from operations.outcomes import END, Outcome, StepError
from operations.waking import wake
from operations.workflow import Ending, Workflow, acts, decides, looks
from provisioning import awaiting
from provisioning.holding import hold
from provisioning.targets import management_for, pool_of, reference, tags_for


@looks
def await_server(operation: Operation) -> Outcome:
    return awaiting.await_ready(pool_of(operation).server)


@decides
def hold_server(operation: Operation) -> Outcome:
    """Keep the server as it is while the pool is made."""
    server = pool_of(operation).server
    return hold(operation, server, [locks.Lock(server.key, locks.Mode.SHARED, "creates a pool here")])


@acts
def start_create(operation: Operation) -> Outcome:
    """Ask Azure for the pool; its name is made from our row, so one that is there is ours if it carries our tag."""
    pool = pool_of(operation)
    if operation.maybe_happened and _is_ours(pool):
        return awaiting.taken_before(operation)
    answer = management_for(operation).begin_create_pool(
        reference(pool.server), pool.azure_name, _spec(operation, pool)
    )
    return awaiting.accepted(operation, answer)


@looks
def await_create(operation: Operation) -> Outcome:
    pool = pool_of(operation)
    return awaiting.await_state(
        operation, pool, state=pool.observed_state, wanted="Ready", then=END, examine="examine_create"
    )


@acts
def examine_create(operation: Operation) -> Outcome:
    pool = pool_of(operation)
    return awaiting.examine_poll(
        operation, pool, subscription_id=pool.server.subscription_id, back_to="await_create", ask_again="start_create"
    )


def settle(operation: Operation, ending: Ending) -> None:
    pool = pool_of(operation)
    if ending is Ending.SUCCEEDED:
        move(pool, Status.READY)
    else:
        move(pool, Status.FAILED, error_code=operation.error_code, error_message=operation.error_message)
        SqlServer.objects.filter(pk=pool.server_id).update(vcores_committed=F("vcores_committed") - pool.vcores)
    wake([pool.key])


CREATE_POOL = Workflow(
    kind="create_pool",
    settle=settle,
    steps=(await_server, hold_server, start_create, await_create, examine_create),
    point_of_no_return="await_server",
    deadline=timedelta(hours=2),
)


def _spec(operation: Operation, pool: ElasticPool) -> PoolSpec:
    return PoolSpec(
        region=pool.server.region_id,
        sku=Sku(name=pool.sku_name, tier=pool.service_tier, family=pool.family, capacity=pool.vcores),
        max_size_bytes=pool.max_size_bytes,
        per_database_min_vcores=pool.per_database_min_vcores,
        per_database_max_vcores=pool.per_database_max_vcores,
        zone_redundant=pool.is_zone_redundant,
        tags=tags_for(operation, pool=pool.pk),
    )


def _is_ours(pool: ElasticPool) -> bool:
    seen = factory.sql_management().get_pool(reference(pool.server), pool.azure_name)
    if seen is None:
        return False
    if seen.tags.get("pool") != str(pool.pk):
        raise StepError("NameTaken", "A pool of this name exists and is not ours.")
    return True

"""An empty pool goes. That it is empty is seen in our rows, then in Azure, and Azure itself refuses one that is not."""

from __future__ import annotations

from datetime import timedelta

from cloud import factory
from inventory.models import ElasticPool
from inventory.states import Status, move
from operations.locks import Lock, Mode
from operations.models import Operation
from operations.outcomes import END, Next, Outcome, StepError
from operations.workflow import Ending, Workflow, acts, decides, looks
from placement.services import return_server_room
from provisioning import awaiting
from provisioning.holding import hold
from provisioning.targets import pool_of, reference


@decides
def hold_pool(operation: Operation) -> Outcome:
    """Have the pool to ourselves. Raises StepError PoolNotEmpty where something stands there, or is on its way."""
    pool = pool_of(operation)
    locks = [
        Lock(pool.key, Mode.EXCLUSIVE, "deletes the pool"),
        Lock(pool.server.key, Mode.SHARED, "deletes a pool here"),
    ]
    outcome = hold(operation, pool.server, locks)
    if isinstance(outcome, Next):
        pool.refresh_from_db()
        if pool.databases_committed:
            raise StepError("PoolNotEmpty", f"{pool} holds room for {pool.databases_committed} databases.")
        held = 0 if pool.status == Status.FAILED else pool.vcores  # a failed pool has given its vCores back
        move(pool, Status.UPDATING)  # nobody is placed here any more
        return Next(choices={"held_vcores": held})
    return outcome


@acts
def check_empty(operation: Operation) -> Outcome:
    """Look at Azure: a database that is not ours may stand there. Raises StepError PoolNotEmpty."""
    pool = pool_of(operation)
    listed = factory.sql_management().list_databases(reference(pool.server))
    there = sorted(database.name for database in listed if database.pool_name == pool.azure_name)
    if there:
        raise StepError("PoolNotEmpty", f"In Azure {pool} holds {', '.join(there[:5])}.")
    return Next()


@decides
def begin_removal(operation: Operation) -> Outcome:
    move(pool_of(operation), Status.DELETING)
    return Next()


@acts
def start_delete(operation: Operation) -> Outcome:
    """Ask Azure to drop it; dropping what is gone is no error."""
    pool = pool_of(operation)
    answer = factory.sql_management().begin_delete_pool(reference(pool.server), pool.azure_name)
    return awaiting.accepted(operation, answer)


@looks
def await_delete(operation: Operation) -> Outcome:
    """Go on once a complete listing lacks it."""
    pool = pool_of(operation)
    return awaiting.await_state(
        operation, pool, state=pool.observed_state, wanted=awaiting.ABSENT, then=END, examine="examine_delete"
    )


@acts
def examine_delete(operation: Operation) -> Outcome:
    subscription_id = pool_of(operation).server.subscription_id
    return awaiting.examine_poll(
        operation, pool_of(operation), subscription_id=subscription_id, back_to="await_delete", ask_again="start_delete"
    )


def settle(operation: Operation, ending: Ending) -> None:
    """Gone, and its vCores are free; or it stands as before, where nothing was asked of Azure; or an operator must look."""
    pool, held = pool_of(operation), operation.choices.get("held_vcores", 0)
    if pool.status == Status.UPDATING:
        move(pool, Status.READY if held else Status.FAILED)
    elif pool.status == Status.DELETING:
        return_server_room(pool.server_id, vcores=held)
        _end(operation, pool, ending)


DELETE_POOL = Workflow(
    kind="delete_pool",
    settle=settle,
    steps=(hold_pool, check_empty, begin_removal, start_delete, await_delete, examine_delete),
    point_of_no_return="begin_removal",
    deadline=timedelta(hours=2),
)


def _end(operation: Operation, pool: ElasticPool, ending: Ending) -> None:
    if ending is Ending.SUCCEEDED:
        move(pool, Status.DELETED)
    else:
        move(pool, Status.FAILED, error_code=operation.error_code, error_message=operation.error_message)

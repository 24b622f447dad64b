"""A converted database goes back to General Purpose, within 45 days of its conversion: first as a single one, which is the
only way that Azure has, then into a pool of its server. Connections drop twice: for some minutes, and for some seconds.

Azure holds no switch on this way: when its copy is done, it switches. So the copy begins when its end falls into a window.
Until then a cancel takes it back.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from django.conf import settings

from cloud import factory
from cloud.changes import DatabaseChange
from cloud.errors import NoRoomHere
from cloud.protocols import Accepted, ObservedDatabase, Sku
from cloud.running import DatabaseRun, RunState
from inventory.models import Database, ElasticPool
from operations.models import Operation
from operations.outcomes import END, TOO_LATE, UNDONE, Next, Outcome, StepError, Wait
from operations.workflow import Workflow, acts, computes, decides, looks, signs_in
from placement.services import take_server_room
from provisioning import awaiting, copying, inspection, runs, tier_changes
from provisioning.holding import hold_both, let_go
from provisioning.places import leave_refused, settle_beside
from provisioning.return_windows import KIND, has_to_wait, is_taken_away, wait_to_copy
from provisioning.targets import database_of, reference, server_row_of, stand_in_of
from provisioning.windows import COPYING, is_over, wait_for_window
from rotation.proof import prove_login

SINGLE_SKU = "GP_Gen5"
MOVE_SECONDS = 30.0  # out of a pool or into one (Microsoft, scale elastic pool resources)


@signs_in
def inspect(operation: Operation) -> Outcome:
    """See that the data fit, before anything begins."""
    size = inspection.contents_of(operation, database_of(operation))
    inspection.refuse_too_large(size, stand_in_of(operation).size_bytes)
    expected = copying.expected_seconds(KIND, size.data_bytes)
    return Next(choices={"data_bytes": size.data_bytes, "expected_seconds": expected})


@decides
def leave_refused_place(operation: Operation) -> Outcome:
    leave_refused(operation, stand_in_of(operation))
    return Next()


@computes
def place(operation: Operation) -> Outcome:
    """Take room in a pool of the same server, a new one if need be; and vCores for the time between."""
    stand_in, database = stand_in_of(operation), database_of(operation)
    server = server_row_of(database)
    if not stand_in.holds_room:
        settle_beside(operation, tier_changes.as_wished(operation, stand_in), server)
    if "extra_vcores" in operation.choices:
        return Next()
    extra = max(operation.input["vcores"] - (database.vcores or 0), 0)
    if extra and not take_server_room(server.pk, vcores=extra):
        raise StepError("NoRoomOnServer", f"{server} has not the {extra} vCores to spare that the way back takes.")
    return Next(choices={"extra_vcores": extra})


@looks
def await_place(operation: Operation) -> Outcome:
    stand_in = stand_in_of(operation)
    return awaiting.await_ready(stand_in.pool or server_row_of(stand_in))


@decides
def await_beginning(operation: Operation) -> Outcome:
    """Out of a Hyperscale pool in a window; what is in none begins to copy so that the copy ends in a window."""
    if "copied_at" in operation.choices:
        return Next()
    if database_of(operation).pool_id is not None:
        return let_go(operation, wait_for_window(operation, expected_seconds=MOVE_SECONDS))
    return wait_to_copy(operation)


@decides
def hold_place(operation: Operation) -> Outcome:
    return hold_both(operation, "takes a database back")


@acts
def leave_pool(operation: Operation) -> Outcome:
    """Out of a Hyperscale pool first: Azure takes only a single database back. Connections drop once more, for seconds."""
    database = database_of(operation)
    seen = _seen(database)
    hyperscale = Database.Tier.HYPERSCALE
    if database.pool is None or (database.service_tier, seen.sku.tier) != (hyperscale, hyperscale):
        return Next()
    if seen.pool_name is None:
        return Next(choices={"left_pool": True})
    if runs.under_way(operation, database) is None:
        if is_over(operation):
            return Next(to="await_beginning")
        sku = Sku(tier_changes.HYPERSCALE_SKU, Database.Tier.HYPERSCALE, "Gen5", operation.input["vcores"])
        _ask(database, DatabaseChange(sku=sku))
    return Wait(settings.SHORT_WAIT_SECONDS, reason="Azure takes it out of its Hyperscale pool.")


@decides
def record_left_pool(operation: Operation) -> Outcome:
    tier_changes.record_left_pool(operation, database_of(operation))
    return Next()


@decides
def await_copying(operation: Operation) -> Outcome:
    """What has just left its pool, or stood in line for long, waits once more: its copy has to end in a window."""
    return Next() if "copied_at" in operation.choices else wait_to_copy(operation)


@decides
def hold_for_copy(operation: Operation) -> Outcome:
    return hold_both(operation, "takes a database back")


@acts
def start_return(operation: Operation) -> Outcome:
    """Ask Azure for a single database of General Purpose; one that is there, or goes on, is ours."""
    database = database_of(operation)
    if not _is_hyperscale(database):
        return Next(to="await_window")
    if operation.maybe_happened and (run := runs.under_way(operation, database)) is not None:
        return Next(choices={"request_id": run.id, **runs.now_of(operation)})
    if has_to_wait(operation):
        return Next(to="await_copying")
    sku = Sku(SINGLE_SKU, Database.Tier.GENERAL_PURPOSE, "Gen5", operation.input["vcores"])
    change = DatabaseChange(sku=sku, max_size_bytes=stand_in_of(operation).size_bytes)
    answer = _ask(database, change)
    return Next(choices={"request_id": answer.request_id, **runs.now_of(operation)}, poll_url=answer.poll_url or "")


@acts
def await_return(operation: Operation) -> Outcome:
    """Go on once Azure shows the former tier; hours of copying cost a look now and then. Where its window is taken away it is
    stopped, since Azure would switch by itself, and begun again for another one."""
    database = database_of(operation)
    run = runs.latest(operation, database)
    if run is not None and run.state.goes_on and is_taken_away(operation, run):
        runs.ask_to_stop(operation, database)
        reason = "Its window was taken away: Azure stops copying."
        return Wait(settings.SHORT_WAIT_SECONDS, reason=reason, choices={"stopped": run.id})
    if run is not None and run.state is RunState.CANCELLED and _was_stopped(operation, run):
        return Next(to="await_copying")
    if run is None or run.state.goes_on:
        wait = runs.look_again(operation, run, seconds=float(operation.choices["expected_seconds"]))
        return replace(wait, on=f"{COPYING}{operation.workspace}")
    if run.state is not RunState.SUCCEEDED:
        return runs.ended_badly(operation, database, run, back_to="await_return", ask_again="start_return")
    if _is_hyperscale(database):
        return Wait(settings.SHORT_WAIT_SECONDS, reason="Azure does not show the former tier yet.")
    return Next(choices=_copied(operation))


@decides
def await_window(operation: Operation) -> Outcome:
    """At once where the copy ended in its window; else the last drop, into the pool, waits for another."""
    return let_go(operation, wait_for_window(operation, expected_seconds=MOVE_SECONDS))


@decides
def hold_for_join(operation: Operation) -> Outcome:
    return hold_both(operation, "takes a database back")


@acts
def start_join(operation: Operation) -> Outcome:
    """Ask Azure to move it into its pool: from here on there is only forward."""
    database = database_of(operation)
    pool = _pool_for(operation, database)
    if _pool_of(database) == pool.azure_name.lower():
        return Next()
    if operation.maybe_happened and runs.under_way(operation, database) is not None:
        return Next()
    if is_over(operation):
        return Next(to="await_window")
    try:
        answer = _ask(database, DatabaseChange(pool_name=pool.azure_name))
    except NoRoomHere:
        refused = [*operation.choices.get("refused", []), str(pool.pk)]
        return Next(to="leave_refused_place", choices={"refused": refused})
    return Next(choices={"request_id": answer.request_id}, poll_url=answer.poll_url or "")


@acts
def await_join(operation: Operation) -> Outcome:
    database = database_of(operation)
    pool = _pool_for(operation, database)
    if _pool_of(database) == pool.azure_name.lower():
        return Next()
    run = runs.latest(operation, database)
    if run is None or run.state.goes_on or run.state is RunState.SUCCEEDED:
        return Wait(settings.SHORT_WAIT_SECONDS, reason="Azure moves it into its pool.")
    return runs.ended_badly(operation, database, run, back_to="await_join", ask_again="start_join")


@signs_in
def verify_login(operation: Operation) -> Outcome:
    """Sign in as consumers do; the steps after this one are only for taking things back."""
    proved = prove_login(operation, database_of(operation))
    return Next(to=END) if isinstance(proved, Next) else proved


@acts
def stop_return(operation: Operation) -> Outcome:
    return runs.ask_to_stop(operation, database_of(operation))


@acts
def await_stopped(operation: Operation) -> Outcome:
    """As it was; or forward, where Azure had switched before it could be stopped."""
    database = database_of(operation)
    run = runs.latest(operation, database)
    if run is not None and run.state.goes_on:
        return Wait(settings.SHORT_WAIT_SECONDS, reason="Azure ends what it has begun.")
    seen = _seen(database)
    if seen.sku.tier != Database.Tier.HYPERSCALE:
        return Next(to="await_window", choices={TOO_LATE: True})
    left_just_now = database.pool is not None and seen.pool_name is None
    return Next(to=UNDONE, choices={"left_pool": True} if left_just_now else {})


CONVERT_BACK = Workflow(
    kind=KIND,
    settle=tier_changes.end_return,
    steps=(
        inspect,
        leave_refused_place,
        place,
        await_place,
        await_beginning,
        hold_place,
        leave_pool,
        record_left_pool,
        await_copying,
        hold_for_copy,
        start_return,
        await_return,
        await_window,
        hold_for_join,
        start_join,
        await_join,
        verify_login,
        stop_return,
        await_stopped,
    ),
    begins="leave_pool",
    point_of_no_return="start_join",
    undo="stop_return",
    deadline=timedelta(days=8),
    indispensable=(
        *("inspect", "leave_pool", "start_return", "await_return"),
        *("start_join", "await_join", "verify_login", "await_stopped"),
    ),
)


def _ask(database: Database, change: DatabaseChange) -> Accepted:
    where = reference(server_row_of(database))
    return factory.sql_management().begin_update_database(where, database.azure_name, change)


def _pool_for(operation: Operation, database: Database) -> ElasticPool:
    """The pool of the stand-in; of the database, once the two have exchanged places and somebody comes late."""
    pool = stand_in_of(operation).pool or database.pool
    assert pool is not None, "its place is in a pool"
    return pool


def _was_stopped(operation: Operation, run: DatabaseRun) -> bool:
    return operation.choices.get("stopped") == run.id or operation.maybe_happened


def _copied(operation: Operation) -> dict[str, object]:
    assert operation.claimed_at is not None
    return {"copied_at": operation.claimed_at.isoformat()}


def _seen(database: Database) -> ObservedDatabase:
    seen = factory.sql_management().get_database(reference(server_row_of(database)), database.azure_name)
    if seen is None:
        raise StepError("DatabaseMissing", "Azure does not show the database.", transient=True)
    return seen


def _is_hyperscale(database: Database) -> bool:
    return _seen(database).sku.tier == Database.Tier.HYPERSCALE


def _pool_of(database: Database) -> str | None:
    return _seen(database).pool_name

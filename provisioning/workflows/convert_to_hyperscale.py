"""A pooled database becomes a Hyperscale one: looked into, copied online by Azure, held before the switch until its owner
consents (or a window opens), switched, and proved by a real sign-in and the tier that Azure shows.

Azure is always asked to hold (`manualCutover`): so a cancel is safe until we let it go. Its name, server and credential stay.
Azure holds for 24 hours, so the copy begins no earlier than the next window allows; what Azure then ends leaves the database
as it was.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings

from cloud import factory
from cloud.changes import DatabaseChange
from cloud.protocols import Sku
from cloud.running import Phase, RunState
from inventory.models import Database
from operations import clock, locks
from operations.models import Operation
from operations.outcomes import END, TOO_LATE, UNDONE, Next, Outcome, StepError, Wait
from operations.workflow import Ending, Workflow, acts, computes, decides, signs_in
from provisioning import copying, inspection, runs, tier_changes
from provisioning.beginnings import HOLD, Copying
from provisioning.holding import hold_both, let_go
from provisioning.targets import database_of, reference, server_row_of, stand_in_of
from provisioning.windows import is_over, wait_for_window, wait_to_begin
from rotation.proof import prove_login

KIND = "convert_to_hyperscale"
HELD_HOURS = 24
HELD_LOOK_SECONDS = 600.0
SWITCH_SECONDS = 60.0  # upper end of what Microsoft calls typical (convert a database to Hyperscale, 2026)


@signs_in
def inspect(operation: Operation) -> Outcome:
    """Find what Azure would refuse, and how much there is to copy, before anything begins."""
    contents = inspection.contents_of(operation, database_of(operation))
    inspection.refuse_in_memory(contents)
    size = contents.data_bytes
    return Next(choices={"data_bytes": size, "expected_seconds": copying.expected_seconds(KIND, size)})


@computes
def place(operation: Operation) -> Outcome:
    """Take room in a Hyperscale pool of the server, or as a single database on it; the former pool's is kept until the end."""
    stand_in = stand_in_of(operation)
    if not stand_in.holds_room:
        tier_changes.settle_in_hyperscale(operation, stand_in, server_row_of(database_of(operation)))
    return Next()


@decides
def await_beginning(operation: Operation) -> Outcome:
    """Copy so late that Azure's hold covers the next opening of its owner's windows; who is to consent picks the moment
    himself, and only the fleet's freezes count."""
    is_automatic = operation.input["cutover"] == "automatic"
    return wait_to_begin(operation, Copying(_expected(operation), SWITCH_SECONDS, HOLD), minds_windows=is_automatic)


@decides
def hold_place(operation: Operation) -> Outcome:
    return hold_both(operation, "converts a database")


@acts
def start_conversion(operation: Operation) -> Outcome:
    """Ask Azure to convert it and to wait before the switch; one that goes on already is ours."""
    database = database_of(operation)
    if operation.maybe_happened and (run := runs.under_way(operation, database)) is not None:
        return Next(choices={"request_id": run.id, **runs.now_of(operation)})
    if _is_hyperscale(database):  # also for who comes late, when the stand-in leads back
        return Next(to="await_cutover", choices=runs.now_of(operation))
    answer = factory.sql_management().begin_update_database(
        reference(server_row_of(database)), database.azure_name, _change(stand_in_of(operation))
    )
    kept = {"request_id": answer.request_id, **runs.now_of(operation)}
    return Next(choices=kept, poll_url=answer.poll_url or "")


@acts
def await_copy(operation: Operation) -> Outcome:
    """Go on once Azure waits for the switch; hours of copying cost a look now and then."""
    database = database_of(operation)
    run = runs.latest(operation, database)
    if run is None or (run.state.goes_on and run.phase not in (Phase.WAITING, Phase.CUTTING_OVER)):
        return runs.look_again(operation, run, seconds=_expected(operation))
    if run.state.goes_on or run.state is RunState.SUCCEEDED:
        return Next(choices=_held(operation))
    return runs.ended_badly(operation, database, run, back_to="await_copy", ask_again="start_conversion")


@decides
def leave_place(operation: Operation) -> Outcome:
    """Nobody has to wait for pool and server while the switch waits for a word, or a window."""
    locks.release(operation)
    return Next()


@acts
def await_consent(operation: Operation) -> Outcome:
    """Go on at once, or when the owner has consented; Azure's hold may end meanwhile, and then nothing has changed."""
    may_go_on = operation.input["cutover"] == "automatic" or "consented_by" in operation.choices
    left = _hold_left(operation)
    if may_go_on and left > timedelta(0):
        return Next()
    run = runs.latest(operation, database_of(operation))
    if run is not None and not run.state.goes_on:
        return Next(to="hold_for_switch")
    if may_go_on:  # Azure holds it for longer than it says
        held_until = _now(operation) + timedelta(seconds=HELD_LOOK_SECONDS)
        return Next(choices={"held_until": held_until.isoformat()})
    seconds = min(HELD_LOOK_SECONDS, max(left.total_seconds(), settings.SHORT_WAIT_SECONDS))
    return Wait(seconds, on=consent_key(operation), reason="Copied; waits for consent to switch over.")


@decides
def await_window(operation: Operation) -> Outcome:
    """The switch drops connections: it waits for its owner's window, or word, while Azure holds it."""
    outcome, left = wait_for_window(operation, expected_seconds=SWITCH_SECONDS), _hold_left(operation)
    if not isinstance(outcome, Wait):
        return outcome
    let_go(operation, outcome)
    if left <= timedelta(0):
        return Next(to="await_consent")
    return replace(outcome, seconds=min(outcome.seconds, left.total_seconds()))


@decides
def hold_for_switch(operation: Operation) -> Outcome:
    return hold_both(operation, "converts a database")


@acts
def perform_cutover(operation: Operation) -> Outcome:
    """Let Azure switch over: from here on there is only forward."""
    database = database_of(operation)
    run = runs.latest(operation, database)
    if run is None or (run.state.goes_on and run.phase not in (Phase.WAITING, Phase.CUTTING_OVER)):
        return runs.look_again(operation, run, seconds=_expected(operation))
    if not run.state.goes_on and run.state is not RunState.SUCCEEDED:
        return Next()
    told = {"cut_over_at": operation.choices.get("cut_over_at") or clock.now().isoformat()}
    if run.state.goes_on and run.phase == Phase.WAITING:
        if is_over(operation):
            return Next(to="await_window")
        change = DatabaseChange(perform_cutover=True)
        factory.sql_management().begin_update_database(reference(server_row_of(database)), database.azure_name, change)
    return Next(choices=told)


@acts
def await_cutover(operation: Operation) -> Outcome:
    """Go on once Azure shows the new tier; what ended without it has left the database as it was."""
    database = database_of(operation)
    if _is_hyperscale(database):
        return Next(choices={"cut_over_at": operation.choices.get("cut_over_at") or clock.now().isoformat()})
    run = runs.latest(operation, database)
    if run is not None and run.state.goes_on and run.phase == Phase.WAITING:
        return Next(to="perform_cutover")  # our word was lost
    if run is None or run.state.goes_on or run.state is RunState.SUCCEEDED:
        return Wait(settings.SHORT_WAIT_SECONDS, reason="Azure is switching over.")
    if run.state is RunState.CANCELLED:
        text = f"No consent and no window came within Azure's {HELD_HOURS} hours; the database is as it was."
        raise StepError("CutoverNotPerformed", text)
    return runs.ended_badly(operation, database, run, back_to="await_cutover", ask_again="start_conversion")


@signs_in
def verify_login(operation: Operation) -> Outcome:
    """Sign in as consumers do; the steps after this one are only for taking things back."""
    proved = prove_login(operation, database_of(operation))
    return Next(to=END) if isinstance(proved, Next) else proved


@acts
def stop_conversion(operation: Operation) -> Outcome:
    return runs.ask_to_stop(operation, database_of(operation))


@acts
def await_stopped(operation: Operation) -> Outcome:
    """As it was; or over, where it was switched in Azure before it could be stopped."""
    database = database_of(operation)
    run = runs.latest(operation, database)
    if run is not None and run.state.goes_on:
        return Wait(settings.SHORT_WAIT_SECONDS, reason="Azure takes the conversion back.")
    return Next(to="await_cutover", choices={TOO_LATE: True}) if _is_hyperscale(database) else Next(to=UNDONE)


def settle(operation: Operation, ending: Ending) -> None:
    """A Hyperscale database that can go back for a while; or all is as it was."""
    cut_over_at = operation.choices.get("cut_over_at")
    tier_changes.end(operation, ending, converted_at=datetime.fromisoformat(cut_over_at) if cut_over_at else None)


CONVERT_TO_HYPERSCALE = Workflow(
    kind=KIND,
    settle=settle,
    steps=(
        inspect,
        place,
        await_beginning,
        hold_place,
        start_conversion,
        await_copy,
        leave_place,
        await_consent,
        await_window,
        hold_for_switch,
        perform_cutover,
        await_cutover,
        verify_login,
        stop_conversion,
        await_stopped,
    ),
    begins="start_conversion",
    point_of_no_return="perform_cutover",
    undo="stop_conversion",
    deadline=timedelta(days=9),  # 100 hours for 4 TB at more than a minute a GB, a day held, and time to look at it
    indispensable=("inspect", "start_conversion", "perform_cutover", "await_cutover", "verify_login", "await_stopped"),
)


def consent_key(operation: Operation) -> str:
    """What the operation waits on while its owner has not consented."""
    return f"consent:{operation.pk}"


def _change(stand_in: Database) -> DatabaseChange:
    """Zone redundancy is said in so many words: a Hyperscale pool takes only databases that have it as the pool has."""
    pool = stand_in.pool
    if pool is not None:
        zones = pool.is_zone_redundant
        return DatabaseChange(pool_name=pool.azure_name, zone_redundant=zones, manual_cutover=True)
    sku = Sku(stand_in.sku_name, stand_in.service_tier, "Gen5", stand_in.vcores)
    return DatabaseChange(sku=sku, zone_redundant=False, manual_cutover=True)


def _held(operation: Operation) -> dict[str, object]:
    now = _now(operation)
    held = (now + timedelta(hours=HELD_HOURS)).isoformat()
    told = {"phase": Phase.WAITING, "state": RunState.RUNNING, "percent": 95, "expected_end_at": held}
    return {"copied_at": now.isoformat(), "held_until": held, "run": told}


def _hold_left(operation: Operation) -> timedelta:
    return datetime.fromisoformat(operation.choices["held_until"]) - _now(operation)


def _now(operation: Operation) -> datetime:
    assert operation.claimed_at is not None
    return operation.claimed_at


def _expected(operation: Operation) -> float:
    return float(operation.choices["expected_seconds"])


def _is_hyperscale(database: Database) -> bool:
    seen = factory.sql_management().get_database(reference(server_row_of(database)), database.azure_name)
    return seen is not None and seen.sku.tier == Database.Tier.HYPERSCALE

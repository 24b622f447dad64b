"""Watching a change of a database as Azure's own operation tells it: phase, progress, expected end, and its stop.

Azure tells percentages of 0, 50 and 100 only, and of a database that is being changed its listing shows the old tier until
the end. So who waits here looks at the operation itself: seldom, ten times over what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from cloud import factory
from cloud.errors import CloudError
from cloud.running import DatabaseRun, Phase, RunState
from inventory.models import Database, ElasticPool
from operations.models import Operation
from operations.outcomes import Next, Outcome, StepError, Wait
from provisioning import awaiting
from provisioning.targets import reference, server_row_of

CHANGE = "UpdateLogicalDatabase"
PARTS = {Phase.LOG: 0.0, Phase.COPYING: 0.05, Phase.BUILDING: 0.85, Phase.CATCHING_UP: 0.9, Phase.WAITING: 0.95}
LOOKS, LONGEST_WAIT = 10, 600.0
CANNOT_CANCEL = "CannotCancelOperation"


def latest(operation: Operation, database: Database) -> DatabaseRun | None:
    """Azure's record of our change: what goes on is ours, since we hold the database; else the one with the id of our request.
    None: Azure does not tell of it, or not yet."""
    runs = factory.sql_management().list_runs(reference(server_row_of(database)), database.azure_name)
    ours = [run for run in runs if run.id == operation.choices.get("request_id")]
    going_on = [run for run in runs if run.kind == CHANGE and run.state.goes_on]
    found = going_on or ours
    return found[-1] if found else None


def under_way(operation: Operation, database: Database) -> DatabaseRun | None:
    """The change that goes on, although its answer may never have come."""
    run = latest(operation, database)
    return run if run is not None and run.state.goes_on else None


def pool_under_way(pool: ElasticPool) -> DatabaseRun | None:
    """A change of the pool that goes on; who holds the pool alone asked for it himself."""
    found = factory.sql_management().list_pool_runs(reference(pool.server), pool.azure_name)
    going_on = [run for run in found if run.state.goes_on]
    return going_on[-1] if going_on else None


def look_again(operation: Operation, run: DatabaseRun | None, *, seconds: float) -> Wait:
    """Wait for what goes on, with its progress saved; `seconds` is how long it was expected to take in all."""
    if run is None:
        return Wait(settings.SHORT_WAIT_SECONDS, reason="Azure has taken the request.")
    told = progress(operation, run, seconds=seconds)
    assert operation.claimed_at is not None
    left = (datetime.fromisoformat(told["expected_end_at"]) - operation.claimed_at).total_seconds()
    wait = min(max(left / LOOKS, settings.SHORT_WAIT_SECONDS), LONGEST_WAIT)
    return Wait(wait, reason=f"Azure: {run.phase or run.state}.", choices={"run": told})


def progress(operation: Operation, run: DatabaseRun, *, seconds: float) -> dict[str, Any]:
    """What Azure says, and what follows from it: percent is the share of the expected time, within the bounds of the phase;
    the end is Azure's own estimate where it gives one."""
    assert operation.claimed_at is not None
    begun = datetime.fromisoformat(operation.choices.get("accepted_at") or operation.claimed_at.isoformat())
    passed = (operation.claimed_at - begun).total_seconds()
    end = run.expected_end_at or max(begun + timedelta(seconds=seconds), operation.claimed_at)
    return {
        "phase": run.phase,
        "state": run.state.value,
        "percent": _percent(run, passed / seconds if seconds else 0.0),
        "expected_end_at": end.isoformat(),
    }


def _percent(run: DatabaseRun, share: float) -> int:
    """Never less than where the phase begins, never more than where the next one does."""
    known = list(PARTS.items())
    phases = [phase for phase, _ in known]
    if run.phase not in phases:
        return 99 if run.phase == Phase.CUTTING_OVER else min(int(share * 100), 95)
    place = phases.index(Phase(run.phase))
    low = known[place][1]
    high = known[place + 1][1] if place + 1 < len(known) else 0.99
    return int(100 * min(max(share, low), high))


def ended_badly(operation: Operation, database: Database, run: DatabaseRun, *, back_to: str, ask_again: str) -> Outcome:
    """What a failed or cancelled run means: asked for anew where Azure's own trouble ended it, else the operation fails."""
    if not operation.poll_url:
        raise StepError(_code(run), run.error or f"Azure has ended the change: {run.state}.")
    return awaiting.examine_poll(
        operation,
        database,
        subscription_id=server_row_of(database).subscription_id,
        back_to=back_to,
        ask_again=ask_again,
    )


def ask_to_stop(operation: Operation, database: Database) -> Outcome:
    """Cancel what goes on in Azure; what cannot be stopped any more runs to its end, and is then looked at."""
    run = under_way(operation, database)
    if run is None or run.state is RunState.CANCELLING:
        return Next()
    try:
        factory.sql_management().cancel_run(reference(server_row_of(database)), database.azure_name, run.id)
    except CloudError as error:
        if error.code != CANNOT_CANCEL:
            raise
    return Next()


def now_of(operation: Operation) -> Mapping[str, str]:
    """The moment of this claim, as a choice."""
    assert operation.claimed_at is not None
    return {"accepted_at": operation.claimed_at.isoformat()}


def _code(run: DatabaseRun) -> str:
    return "OperationCancelled" if run.state is RunState.CANCELLED else "ChangeFailed"

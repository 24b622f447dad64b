"""A user that was replaced is taken out of use: after the overlap, once drained, it gets a password that nobody knows."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from operations import audit, clock
from operations.models import Operation
from operations.outcomes import END, Next, Outcome, Wait
from operations.workflow import Ending, Workflow, acts, decides, looks, signs_in
from rotation import holding, issue, upkeep
from rotation.explaining import explained
from rotation.models import Credential
from rotation.names import other_slot, user_of
from rotation.sessions import count_sessions, end_one_session
from rotation.targets import active_credential, credential_in, database_of, purpose_in

Status = Credential.Status
UNUSED = (Status.OVERLAPPING, Status.STAGED)


@decides
def choose_superseded(operation: Operation) -> Outcome:
    """The user that is not active, if it was ever made; without it there are only versions to sweep."""
    database = database_of(operation)
    active = active_credential(database, purpose_in(operation))
    if active is None or holding.is_gone(database):
        return Next(to=END)
    slot = other_slot(active.slot)
    superseded = Credential.objects.filter(database=database, slot=slot, status__in=UNUSED).exists()
    return Next(choices={"active": active.slot, "slot": slot if superseded else ""})


@looks
def await_overlap(operation: Operation) -> Outcome:
    """Let consumers find the new version; whoever shortens the overlap wakes us."""
    row = _superseded(operation)
    if row is None or row.status != Status.OVERLAPPING or row.retire_after is None:
        return Next()
    return (
        _wait_until(operation, row.retire_after, "Both users work until consumers have had time to change.") or Next()
    )


@signs_in
@explained
def await_drained(operation: Operation) -> Outcome:
    """Wait while sessions of the old user are open, at the latest until its deadline."""
    row, database = _superseded(operation), database_of(operation)
    if row is None or row.status != Status.OVERLAPPING or row.retire_by is None or holding.is_gone(database):
        return Next()
    if clock.now() >= row.retire_by:
        return Next()
    count = count_sessions(operation, database, row.user_name)
    wait = _wait_until(operation, row.retire_by, f"{count} sessions of {row.user_name} are open.")
    return wait if count and wait else Next()


@decides
def hold_database(operation: Operation) -> Outcome:
    return holding.hold_database(operation, database_of(operation))


@signs_in
@explained
def confirm_active(operation: Operation) -> Outcome:
    """Nothing is taken away before what consumers read has just been seen to work; what does not is put right."""
    return upkeep.confirm_active(operation, database_of(operation), operation.choices["active"])


@signs_in
@explained
def scramble_password(operation: Operation) -> Outcome:
    """Give the superseded user a random password that is stored nowhere. Repeating it gives it another."""
    database, slot = database_of(operation), operation.choices["slot"]
    return issue.scramble(operation, database, slot=slot) if slot else Next()


@signs_in
@explained
def end_sessions(operation: Operation) -> Outcome:
    """End the superseded user's sessions, one a run; it cannot open others."""
    slot = operation.choices["slot"]
    left = bool(slot) and end_one_session(operation, database_of(operation), user_of(slot))
    return Next(to="end_sessions") if left else Next()


@acts
@explained
def disable_superseded(operation: Operation) -> Outcome:
    """Disable every version that is not the active user's, one a run."""
    left = upkeep.disable_one_superseded(operation, database_of(operation))
    return Next(to="disable_superseded") if left else Next()


@decides
def record_retired(operation: Operation) -> Outcome:
    """One user is left that works."""
    database, slot = database_of(operation), operation.choices["slot"]
    upkeep.record_republished(operation, database)
    changed = Credential.objects.filter(database=database, slot=slot, status__in=UNUSED).update(
        status=Status.RETIRED, retire_after=None, retire_by=None, failures=0
    )
    if changed:
        audit.record(
            "credential.retired",
            actor=operation.actor,
            target=operation.target_key,
            workspace=operation.workspace,
            operation_id=operation.pk,
            request=operation.trace_id,
            after={"user": user_of(slot)},
        )
    return Next()


def settle(operation: Operation, ending: Ending) -> None:
    """What was not retired is asked for again by the schedule: an hour later, twice as long after each further failure."""
    if ending is not Ending.FAILED or not operation.choices.get("slot"):
        return
    row = credential_in(database_of(operation), operation.choices["slot"])
    wait = min(timedelta(hours=1) * 2 ** min(row.failures, 10), timedelta(days=1))
    later = {"failures": row.failures + 1, "retire_by": max(row.retire_by or clock.now(), clock.now() + wait)}
    Credential.objects.filter(pk=row.pk, status=Status.OVERLAPPING).update(**later)


RETIRE_CREDENTIAL = Workflow(
    kind="retire_credential",
    settle=settle,
    steps=(
        choose_superseded,
        await_overlap,
        await_drained,
        hold_database,
        confirm_active,
        scramble_password,
        end_sessions,
        disable_superseded,
        record_retired,
    ),
    point_of_no_return="record_retired",
    indispensable=("await_overlap", "confirm_active", "scramble_password", "end_sessions", "disable_superseded"),
    deadline=timedelta(days=7),
)


def _superseded(operation: Operation) -> Credential | None:
    slot = operation.choices["slot"]
    return credential_in(database_of(operation), slot) if slot else None


def _wait_until(operation: Operation, moment: datetime, reason: str) -> Wait | None:
    """A wait of the business clock, in pieces, since that clock may be moved; None when the moment has come."""
    left = (moment - clock.now()).total_seconds()
    if left <= 0:
        return None
    return Wait(min(left, settings.CREDENTIAL_LOOK_SECONDS), on=operation.target_key, reason=reason)

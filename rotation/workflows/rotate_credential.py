"""A credential is renewed: the idle one of two users gets a new password, is proved, and becomes the one that is read."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import F

from inventory.models import Database
from notifications.services import tell
from operations import audit, clock
from operations.models import Operation
from operations.outcomes import END, Next, Outcome
from operations.services import submit
from operations.workflow import Ending, Workflow, acts, decides, signs_in
from rotation import holding, issue
from rotation.explaining import explained
from rotation.models import Credential
from rotation.names import other_slot, stable_secret_of, staging_secret_of, user_of
from rotation.services import issue_cast_again
from rotation.sessions import end_one_session
from rotation.targets import active_credential, credential_in, database_of, purpose_in
from rotation.vault import vault_url

Status = Credential.Status
BACKOFF_FIRST = timedelta(hours=1)
BACKOFF_LONGEST = timedelta(days=1)


@decides
def choose_slot(operation: Operation) -> Outcome:
    """Take the user that nobody is told to use. One that still overlaps is taken only in an emergency."""
    database = database_of(operation)
    active = active_credential(database, purpose_in(operation))
    if active is None or holding.is_gone(database):
        return Next(to=END)
    slot = other_slot(active.slot)
    row, _ = Credential.objects.get_or_create(
        database=database,
        slot=slot,
        defaults={
            "user_name": user_of(slot),
            "status": Status.STAGED,
            "staging_secret": staging_secret_of(database, slot),
            "stable_secret": stable_secret_of(database, purpose_in(operation)),
        },
    )
    if row.status == Status.OVERLAPPING and not operation.input.get("emergency"):
        return Next(to=END)
    Credential.objects.filter(pk=row.pk).update(status=Status.STAGED, retire_after=None, retire_by=None, failures=0)
    return Next(choices={"slot": slot, "replaces": active.slot})


@decides
def hold_database(operation: Operation) -> Outcome:
    return holding.hold_database(operation, database_of(operation))


@acts
@explained
def stage_password(operation: Operation) -> Outcome:
    return issue.stage_password(operation, database_of(operation), slot=_slot(operation))


@signs_in
@explained
def set_password(operation: Operation) -> Outcome:
    return issue.create_user(operation, database_of(operation), slot=_slot(operation))


@signs_in
@explained
def end_old_sessions(operation: Operation) -> Outcome:
    """In an emergency: end sessions that the chosen user had before, one a run; nobody has its new password yet."""
    if not operation.input.get("emergency"):
        return Next()
    left = end_one_session(operation, database_of(operation), user_of(_slot(operation)))
    return Next(to="end_old_sessions") if left else Next()


@signs_in
@explained
def verify_login(operation: Operation) -> Outcome:
    database = database_of(operation)
    return issue.verify_login(operation, database, set_again="set_password", slot=_slot(operation))


@acts
@explained
def promote(operation: Operation) -> Outcome:
    """Let consumers read the new one: from here on there is no way back, only forward."""
    return issue.publish_secret(operation, database_of(operation), slot=_slot(operation))


@decides
def record_promoted(operation: Operation) -> Outcome:
    """The new user is the active one; the old one overlaps for a while, or not at all in an emergency."""
    database, now = database_of(operation), clock.now()
    grace = 0 if operation.input.get("emergency") else 1
    overlap = grace * timedelta(seconds=settings.CREDENTIAL_OVERLAP_SECONDS)
    drain = grace * timedelta(seconds=settings.CREDENTIAL_DRAIN_SECONDS)
    credentials = Credential.objects.filter(database=database)
    credentials.filter(slot=operation.choices["replaces"], status=Status.ACTIVE).update(
        status=Status.OVERLAPPING, retire_after=now + overlap, retire_by=now + overlap + drain, rotate_after=None
    )
    credentials.filter(slot=_slot(operation), status=Status.STAGED).update(
        **issue.issued_columns(operation, database, slot=_slot(operation))
    )
    _tell(operation, credential_in(database, _slot(operation)), overlap_until=(now + overlap).isoformat())
    return Next()


def settle(operation: Operation, ending: Ending) -> None:
    """What was replaced, or staged in vain, is retired next; a failure is tried again later, and later each time.

    Where a restore took the credential of DICOM Cast away before there was anything to replace, one is issued.
    """
    database = database_of(operation)
    if holding.is_gone(database):
        return
    if ending is not Ending.SUCCEEDED:
        _try_again_later(operation, database)
    if "slot" not in operation.choices and holding.lacks_cast(database, purpose_in(operation)):
        issue_cast_again(database, actor=operation.actor)
    if (
        "slot" in operation.choices and not Operation.objects.filter(follows=operation).exists()
    ):  # else an emergency follows, and leaves nothing behind
        submit(
            "retire_credential",
            target=operation.target_key,
            actor=operation.actor,
            workspace=operation.workspace,
            wish={"emergency": bool(operation.input.get("emergency"))},
            priority=operation.priority,
            parent=operation.parent,
        )


ROTATE_CREDENTIAL = Workflow(
    kind="rotate_credential",
    settle=settle,
    steps=(
        choose_slot,
        hold_database,
        stage_password,
        set_password,
        end_old_sessions,
        verify_login,
        promote,
        record_promoted,
    ),
    point_of_no_return="promote",
    indispensable=("stage_password", "set_password", "end_old_sessions", "verify_login", "promote"),
    deadline=timedelta(hours=12),
)


def _slot(operation: Operation) -> str:
    return str(operation.choices["slot"])


def _tell(operation: Operation, credential: Credential, *, overlap_until: str) -> None:
    """References only: which secret has which new version, and how long the old one works."""
    assert credential.valid_until is not None, "a promoted one has it"
    facts = {
        "secret": credential.stable_secret,
        "version": credential.stable_version,
        "user": credential.user_name,
        "valid_until": credential.valid_until.isoformat(),
        "overlap_until": overlap_until,
    }
    target = credential.key
    told = {**facts, "vault": vault_url()}
    tell("credential.promoted", target=target, workspace=operation.workspace, facts=told)
    audit.record(
        "credential.promoted",
        actor=operation.actor,
        target=target,
        workspace=operation.workspace,
        operation_id=operation.pk,
        request=operation.trace_id,
        before={"user": user_of(operation.choices["replaces"])},
        after=facts,
        reason=str(operation.input.get("reason", "")),
    )


def _try_again_later(operation: Operation, database: Database) -> None:
    """An hour after the first failure, twice as long after each further one, at most a day."""
    active = active_credential(database, purpose_in(operation))
    if active is not None:
        wait = min(BACKOFF_FIRST * 2 ** min(active.failures, 10), BACKOFF_LONGEST)
        Credential.objects.filter(pk=active.pk).update(failures=F("failures") + 1, rotate_after=clock.now() + wait)

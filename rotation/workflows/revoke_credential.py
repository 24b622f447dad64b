"""A purpose's credential is taken away from a database that stays: its secrets first, then its users and their sessions."""

from __future__ import annotations

from datetime import timedelta

from operations import audit
from operations.models import Operation
from operations.outcomes import Next, Outcome
from operations.workflow import Ending, Workflow, acts, decides, signs_in
from rotation.holding import is_wanted
from rotation.models import Credential
from rotation.names import SLOTS, user_of
from rotation.revoke import disable_next_version, drop_next_user
from rotation.sessions import end_one_session
from rotation.targets import database_of, purpose_in
from rotation.workflows.rotate_credential import hold_database


@acts
def disable_secrets(operation: Operation) -> Outcome:
    """Disable every version of its secrets, one a run; who comes late finds that it may be wished for again."""
    database, purpose = database_of(operation), purpose_in(operation)
    left = disable_next_version(operation, database, purpose, only_while=lambda: not is_wanted(database, purpose))
    return Next(to="disable_secrets") if left else Next()


@signs_in
def drop_user(operation: Operation) -> Outcome:
    """Drop its users, one a run."""
    database, purpose = database_of(operation), purpose_in(operation)
    return drop_next_user(operation, database, purpose, only_while=lambda: not is_wanted(database, purpose))


@signs_in
def end_sessions(operation: Operation) -> Outcome:
    """End what they still had open, one a run; they cannot open others."""
    database, purpose = database_of(operation), purpose_in(operation)
    for slot in SLOTS[purpose]:
        if not is_wanted(database, purpose) and end_one_session(operation, database, user_of(slot)):
            return Next(to="end_sessions")
    return Next()


@decides
def record_revoked(operation: Operation) -> Outcome:
    """None of its users works any more."""
    database, purpose = database_of(operation), purpose_in(operation)
    Credential.objects.filter(database=database, slot__in=SLOTS[purpose]).update(
        status=Credential.Status.RETIRED, retire_after=None, retire_by=None, rotate_after=None
    )
    audit.record(
        "credential.revoked",
        actor=operation.actor,
        target=operation.target_key,
        workspace=operation.workspace,
        operation_id=operation.pk,
        request=operation.trace_id,
    )
    return Next()


def settle(operation: Operation, ending: Ending) -> None:
    """Nothing more to write: one that was given up may be wished for again."""


REVOKE_CREDENTIAL = Workflow(
    kind="revoke_credential",
    settle=settle,
    steps=(hold_database, disable_secrets, drop_user, end_sessions, record_revoked),
    point_of_no_return="hold_database",
    indispensable=("disable_secrets", "drop_user", "end_sessions"),
    deadline=timedelta(hours=4),
)

"""Where only Entra may sign in there is no password to renew: it is seen instead that the identity still works.

We sign in by our own token, and look whether the service's user is there and may connect. Nothing is changed.
"""

from __future__ import annotations

from datetime import timedelta
from functools import wraps

from django.conf import settings
from django.db.models import F, QuerySet

from cloud import factory
from cloud.errors import CloudError, LoginRefused
from operations import clock
from operations.models import Operation
from operations.outcomes import END, Ask, Next, Outcome, StepError, Wait
from operations.workflow import Ending, Run, Workflow, decides, signs_in
from rotation import holding, identities
from rotation.logins import record_sign_in
from rotation.models import Credential
from rotation.names import SLOTS
from rotation.schedule import next_rotation_at, policy_of
from rotation.targets import active_credential, database_of, purpose_in

SIGN_INS_TRIED = 3
CHECKED_AGAIN_AFTER = timedelta(days=1)


def asked(run: Run) -> Run:
    """The step, with database and step named in what goes wrong; what Azure refuses for good is a human's turn."""

    @wraps(run)
    def told(operation: Operation) -> Outcome:
        try:
            return run(operation)
        except CloudError as error:
            text = _named(operation, str(error))
            if error.transient:
                raise StepError(error.code, text, transient=True, retry_after=error.retry_after) from error
            return Ask(error.code, text)

    return told


@decides
def hold_database(operation: Operation) -> Outcome:
    database = database_of(operation)
    if active_credential(database, purpose_in(operation)) is None:
        return Next(to=END)
    return holding.hold_database(operation, database)


@signs_in
@asked
def sign_in_by_token(operation: Operation) -> Outcome:
    """Sign in as the application that we are, over a fresh connection; refused several times, it asks."""
    database = database_of(operation)
    try:
        factory.sql_logins().verify(identities.own_identity(database))
    except LoginRefused as error:
        refused = operation.choices.get("sign_ins_refused", 0) + 1
        if refused >= SIGN_INS_TRIED:
            return Ask(error.code, _named(operation, "our own identity is refused."))
        told = {"sign_ins_refused": refused}
        return Wait(settings.SHORT_WAIT_SECONDS, reason="Our own identity is refused.", choices=told)
    record_sign_in(operation, database)
    return Next()


@signs_in
@asked
def find_user(operation: Operation) -> Outcome:
    """See that the service's user of Entra is there and may connect."""
    database = database_of(operation)
    row = active_credential(database, purpose_in(operation))
    if row is None:
        return Next(to=END)
    try:
        user = identities.user_seen(database, row.user_name)
    except identities.IdentityWrong as error:
        return Ask(error.code, _named(operation, str(error)))
    return Next(choices={"user": user.name})


@decides
def record_checked(operation: Operation) -> Outcome:
    """It works today; the next check is due by the same policy as a rotation."""
    database, now = database_of(operation), clock.now()
    rows = _active(operation)
    due = next_rotation_at(database.pk, now, policy_of(database))
    rows.update(checked_at=now, rotate_after=due, failures=0)
    identities.record_checked(operation, database, operation.choices["user"])
    return Next()


def settle(operation: Operation, ending: Ending) -> None:
    """What did not come to its end is tried again a day later."""
    if ending is not Ending.SUCCEEDED:
        _active(operation).update(failures=F("failures") + 1, rotate_after=clock.now() + CHECKED_AGAIN_AFTER)


CHECK_IDENTITY = Workflow(
    kind="check_identity",
    settle=settle,
    steps=(hold_database, sign_in_by_token, find_user, record_checked),
    point_of_no_return="record_checked",
    indispensable=("sign_in_by_token", "find_user"),
    deadline=timedelta(hours=4),
)


def _active(operation: Operation) -> QuerySet[Credential]:
    rows = Credential.objects.filter(database=database_of(operation), status=Credential.Status.ACTIVE)
    return rows.filter(slot__in=SLOTS[purpose_in(operation)])


def _named(operation: Operation, why: str) -> str:
    return f"{database_of(operation)}, {operation.step}: {why}"

"""A server's administrator gets a new password: staged in the vault, set through ARM, proved by a sign-in, then promoted.

At every moment the password that works is one of two: the newest stable version, or the newest staged one.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from cloud import factory
from cloud.classify import failure_of
from cloud.errors import LoginRefused, PasswordRejected
from cloud.polls import PollState
from cloud.protocols import CallClass, LoginSpec, ServerRef, SqlManagement
from inventory.models import SqlServer
from inventory.states import Status
from operations import locks
from operations.models import Operation
from operations.outcomes import END, Ask, Next, Outcome, StepError, Wait
from operations.workflow import Ending, Workflow, acts, decides, looks, signs_in
from rotation import administrators
from rotation.explaining import explained_of_server
from rotation.names import staged_admin_secret_of
from rotation.passwords import new_password
from rotation.targets import server_of
from rotation.vault import read_secret, set_once

PASSWORDS_TRIED = 5
TIMES_ASKED = 5
SIGN_INS_TRIED = 24  # at SHORT_WAIT_SECONDS: longer than Azure takes, some 5 to 12 s in the recordings


@decides
def hold_server(operation: Operation) -> Outcome:
    """Keep the server from going meanwhile; one that is not in use, or has no SQL administrator, has nothing to rotate."""
    server = server_of(operation)
    wish = locks.Lock(server.key, locks.Mode.SHARED, "rotates its administrator's password")
    if not locks.request(operation, [wish]):
        on = locks.lock_key(server.key)
        return Wait(settings.LOOK_AGAIN_SECONDS, on=on, reason="Waits for another change of the server.")
    ours = server.status == Status.READY and server.auth_mode == "sql"
    return Next() if ours else Next(to=END)


@acts
@explained_of_server
def stage_password(operation: Operation) -> Outcome:
    """Put a fresh password into the staging secret before Azure hears of it, once per operation and refusal."""
    server = server_of(operation)
    attempt = operation.choices.get("passwords_refused", 0)
    version = set_once(operation, server, staged_admin_secret_of(server), new_password, attempt=attempt)
    return Next(choices={"staging_version": version.version})


@acts
@explained_of_server
def set_password(operation: Operation) -> Outcome:
    """Ask Azure to take the staged password. Repeating it asks for the same one again."""
    server = server_of(operation)
    password = read_secret(operation, staged_admin_secret_of(server), operation.choices["staging_version"])
    try:
        answer = _management().begin_set_administrator_password(_reference(server), password)
    except PasswordRejected as error:
        refused = operation.choices.get("passwords_refused", 0) + 1
        if refused >= PASSWORDS_TRIED:
            return Ask(error.code, f"Azure refuses every password for the administrator of {server}.")
        return Next(to="stage_password", choices={"passwords_refused": refused})
    asked = operation.choices.get("asked", 0) + 1
    return Next(choices={"asked": asked}, poll_url=answer.poll_url or "")


@acts
@explained_of_server
def await_set(operation: Operation) -> Outcome:
    """Azure applies it within seconds. What it says of that is a hint; the sign-in that follows is the proof."""
    server = server_of(operation)
    if not operation.poll_url:
        return Next()
    poll = _management().poll(server.subscription_id, operation.poll_url)
    if poll.state is PollState.RUNNING:
        return Wait(settings.SHORT_WAIT_SECONDS, reason="Azure is setting the password.")
    if poll.state not in (PollState.FAILED, PollState.CANCELED):
        return Next()
    failure = failure_of(poll)
    if not failure.transient:
        raise failure
    return _ask_again(operation, server)


@signs_in
@explained_of_server
def verify_login(operation: Operation) -> Outcome:
    """Sign in with the staged password, over a fresh connection; refused for long, it is set again."""
    server = server_of(operation)
    password = read_secret(operation, staged_admin_secret_of(server), operation.choices["staging_version"])
    login = LoginSpec(server.observed_endpoint, "master", server.administrator_login, password)
    try:
        factory.sql_logins().verify(login)
    except LoginRefused:
        refused = operation.choices.get("sign_ins_refused", 0) + 1
        if refused % SIGN_INS_TRIED == 0:
            return _ask_again(operation, server)
        told = {"sign_ins_refused": refused}
        return Wait(settings.SHORT_WAIT_SECONDS, reason="The new password does not work yet.", choices=told)
    administrators.record_sign_in(operation, server)
    return Next(choices={"valid_until": administrators.valid_until().isoformat()})


@acts
@explained_of_server
def promote(operation: Operation) -> Outcome:
    """Make it the newest version of the stable secret: whoever has to break the glass reads it there."""
    server, staged = server_of(operation), operation.choices["staging_version"]
    version = set_once(
        operation,
        server,
        server.admin_secret_name,
        lambda: read_secret(operation, staged_admin_secret_of(server), staged),
        expires_at=datetime.fromisoformat(operation.choices["valid_until"]),
    )
    return Next(choices={"admin_version": version.version})


@decides
def record_promoted(operation: Operation) -> Outcome:
    """From here on every step signs in with the new version."""
    administrators.record_promoted(operation, server_of(operation))
    return Next()


@looks
def await_readers(operation: Operation) -> Outcome:
    """Steps that began with the old version end within their lease; until then it stays readable."""
    if operation.choices.get("waited"):
        return Next()
    reason = "Steps that began with the old password come to their end."
    return Wait(settings.OPERATIONS_LEASE_SECONDS, reason=reason, choices={"waited": True})


@acts
@explained_of_server
def disable_superseded(operation: Operation) -> Outcome:
    """Disable every version but the promoted one, staged ones too, one a run."""
    left = administrators.disable_one_superseded(operation, server_of(operation))
    return Next(to="disable_superseded") if left else Next()


def settle(operation: Operation, ending: Ending) -> None:
    """A failure is tried again later; ARM needs no old password, so whatever was left behind is put right then."""
    if ending is not Ending.SUCCEEDED and "admin_version" not in operation.choices:
        administrators.try_again_later(server_of(operation))


ROTATE_SERVER_ADMIN = Workflow(
    kind="rotate_server_admin",
    settle=settle,
    steps=(
        hold_server,
        stage_password,
        set_password,
        await_set,
        verify_login,
        promote,
        record_promoted,
        await_readers,
        disable_superseded,
    ),
    point_of_no_return="set_password",
    indispensable=("stage_password", "set_password", "verify_login", "promote"),
    deadline=timedelta(hours=4),
)


def _ask_again(operation: Operation, server: SqlServer) -> Outcome:
    if operation.choices.get("asked", 0) % TIMES_ASKED == 0:
        return Ask("PasswordNotSet", f"Azure does not set the administrator's password of {server}.")
    return Next(to="set_password", poll_url="")


def _management() -> SqlManagement:
    return factory.sql_management(CallClass.ROTATION)


def _reference(server: SqlServer) -> ServerRef:
    if not server.observed_endpoint:
        raise StepError("NotSeen", f"{server} was never seen in Azure.", transient=True)
    return ServerRef(server.subscription_id, server.resource_group, server.azure_name)

"""Where only Entra may sign in, a database is given its service's user of Entra: no password is made and no secret kept.

We cannot sign in as the service. What is seen instead: its user is there, carries the id of its application, and may
connect; with a token of that identity Azure then signs it in.
"""

from __future__ import annotations

from cloud import factory
from cloud.errors import LoginRefused
from cloud.identities import EntraPrincipal, EntraUser, OwnIdentity
from inventory.models import Database
from operations import audit, clock
from operations.models import Operation
from operations.outcomes import Ask, Next, Outcome, StepError
from rotation.models import Credential
from rotation.names import credential_key
from rotation.schedule import next_rotation_at, policy_of
from rotation.vault import server_of

SLOT = "a"


class IdentityWrong(Exception):
    """What is wrong with the service's user. `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def own_identity(database: Database) -> OwnIdentity:
    """Where we sign in by our own token, as a member of the group that administers the server."""
    return OwnIdentity(server_of(database).observed_endpoint, database.azure_name)


def principal_of(database: Database) -> EntraPrincipal:
    """As whom its service signs in. Raises StepError for a database of no service."""
    service = database.service
    if service is None or not service.entra_name:
        raise StepError("IdentityNeeded", "The database's service has no identity in Entra.")
    return EntraPrincipal(service.entra_name, service.entra_object_id, service.entra_client_id)


def make_user(database: Database) -> Outcome:
    """Make the service's user, with the rights of a service; repeating it changes nothing."""
    try:
        factory.sql_logins().ensure_entra_user(own_identity(database), principal_of(database))
    except LoginRefused as error:
        text = f"{database} refuses our own identity; is it in the group that administers the server?"
        raise StepError("OwnIdentityRefused", text, transient=True) from error
    return Next()


def see_user(operation: Operation, database: Database) -> Outcome:
    """Ask a human where the service's user is not what it was made to be."""
    try:
        user = user_seen(database, principal_of(database).name)
    except IdentityWrong as error:
        return Ask(error.code, f"{database}: {error}")
    record_checked(operation, database, user.name)
    return Next()


def user_seen(database: Database, name: str) -> EntraUser:
    """The service's user, looked at over a fresh sign-in of ours. Raises IdentityWrong."""
    user = factory.sql_logins().find_entra_user(own_identity(database), name)
    if user is None:
        raise IdentityWrong("IdentityMissing", f"there is no user of Entra named {name}.")
    service = database.service
    if service is not None and service.entra_client_id not in ("", user.client_id):
        raise IdentityWrong("IdentityOfAnother", f"{name} is the user of another application than the service's.")
    if not user.may_connect:
        raise IdentityWrong("IdentityMayNotConnect", f"{name} may not connect.")
    return user


def record_identity(database: Database) -> None:
    """The user of Entra as the database's credential, without a secret and without an end; its next check by policy."""
    now = clock.now()
    row = {
        "user_name": principal_of(database).name,
        "status": Credential.Status.ACTIVE,
        "promoted_at": now,
        "checked_at": now,
        "rotate_after": next_rotation_at(database.pk, now, policy_of(database)),
        "failures": 0,
    }
    Credential.objects.update_or_create(database=database, slot=SLOT, defaults=row)


def record_checked(operation: Operation, database: Database, user: str) -> None:
    """That the user was seen to work."""
    audit.record(
        "credential.identity_checked",
        actor=operation.actor,
        target=credential_key(database),
        workspace=operation.workspace,
        operation_id=operation.pk,
        request=operation.trace_id,
        after={"user": user},
        reason=str(operation.input.get("reason", "")),
    )

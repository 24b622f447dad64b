"""Steps that give a database a credential: staged, set, proved by a real sign-in, published; the first and every later one.

The password is made once, in the vault: each version is tagged with the operation and looked up before another is set.
"""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from django.conf import settings

from cloud import factory
from cloud.errors import LoginRefused, PasswordRejected
from cloud.secret_store import SecretVersion
from cloud.secrets import Secret
from inventory.models import Database
from operations import clock
from operations.errors import OperationInProgress
from operations.models import Operation
from operations.outcomes import Ask, Next, Outcome
from operations.services import submit
from rotation import identities
from rotation.emergency import covering
from rotation.holding import is_entra_only
from rotation.logins import administrator, record_sign_in, user_login
from rotation.models import Credential
from rotation.names import Purpose, credential_key, other_slot, purpose_of, stable_secret_of, staging_secret_of, user_of
from rotation.passwords import new_password
from rotation.schedule import next_rotation_at, policy_of
from rotation.services import request_emergency_rotation
from rotation.vault import RUN_TAG, document, made_by, read_secret, set_once

PASSWORDS_TRIED = 5
SIGN_INS_TRIED = 3


def stage_password(operation: Operation, database: Database, *, slot: str = "a") -> Outcome:
    """Put a fresh password into the slot's own secret, once per operation; another one where policy refused the last.

    Where only Entra may sign in there is none.
    """
    if is_entra_only(database):
        return Next()
    attempt = operation.choices.get(_noted("passwords_refused", slot), 0)
    version = set_once(operation, database, staging_secret_of(database, slot), new_password, attempt=attempt)
    until = clock.now() + timedelta(days=settings.CREDENTIAL_DAYS)
    return Next(
        choices={
            _noted("staging_version", slot): version.version,
            _noted("valid_until", slot): until.isoformat(),
            **_untidiness(operation, version, slot),
        }
    )


def create_user(
    operation: Operation, database: Database, *, slot: str = "a", stage_again: str = "stage_password"
) -> Outcome:
    """Make the slot's user with the staged password, or set it; repeating it sets the same password again.

    A password that policy refuses is staged anew by the step `stage_again`. Where only Entra may sign in it is the user of
    its service's identity.
    """
    if is_entra_only(database):
        return identities.make_user(database)
    password = _staged(operation, database, slot)
    try:
        with administrator(operation, database) as admin:
            factory.sql_logins().ensure_user(admin, user_of(slot), password)
    except PasswordRejected as error:
        refused = operation.choices.get(_noted("passwords_refused", slot), 0) + 1
        if refused >= PASSWORDS_TRIED:
            return Ask(error.code, f"{database} refuses every password for {user_of(slot)}.")
        return Next(to=stage_again, choices={_noted("passwords_refused", slot): refused})
    return Next()


def verify_login(operation: Operation, database: Database, *, set_again: str, slot: str = "a") -> Outcome:
    """Sign in as the user, over a fresh connection; refused, its password is set again by the step `set_again`.

    Where only Entra may sign in, the user is looked at instead.
    """
    if is_entra_only(database):
        return identities.see_user(operation, database)
    try:
        factory.sql_logins().verify(user_login(database, slot, _staged(operation, database, slot)))
    except LoginRefused as error:
        refused = operation.choices.get(_noted("sign_ins_refused", slot), 0) + 1
        if refused >= SIGN_INS_TRIED:
            return Ask(error.code, f"{database} refuses {user_of(slot)} with the password that was just set.")
        return Next(to=set_again, choices={_noted("sign_ins_refused", slot): refused})
    record_sign_in(operation, database)
    return Next()


def publish_secret(operation: Operation, database: Database, *, slot: str = "a") -> Next:
    """Make the credential the one that consumers read: a new version of the stable secret, once per operation."""
    if is_entra_only(database):
        return Next()
    version = set_once(
        operation,
        database,
        stable_secret_of(database, purpose_of(slot)),
        lambda: document(
            database,
            slot=slot,
            password=_staged(operation, database, slot),
            valid_until=valid_until(operation, slot).isoformat(),
        ),
        expires_at=valid_until(operation, slot),
    )
    return Next(choices={_noted("stable_version", slot): version.version, **_untidiness(operation, version, slot)})


def is_published(operation: Operation, database: Database, *, slot: str) -> bool:
    """Whether an earlier run of this operation has published the slot's credential."""
    if is_entra_only(database):
        return False
    return made_by(operation, stable_secret_of(database, purpose_of(slot))) is not None


def record_issued(operation: Operation, database: Database, *, slot: str = "a") -> None:
    """Remember the references of what was issued first; in the transaction that ends the operation.

    What repeated runs and former attempts left in the vault is then swept up.
    """
    if is_entra_only(database):
        identities.record_identity(database)
        return
    Credential.objects.update_or_create(
        database=database,
        slot=slot,
        defaults={"user_name": user_of(slot), **issued_columns(operation, database, slot=slot)},
    )
    followed = Operation.objects.filter(follows=operation).exists()  # by what sweeps up itself
    if followed or _replaced_if_known(operation, database, purpose_of(slot)):
        return
    if operation.input.get("again") or operation.choices.get("untidy"):
        target = credential_key(database, purpose_of(slot))
        submit("retire_credential", target=target, actor="system", workspace=operation.workspace)


def scramble_other(operation: Operation, database: Database, *, slot: str) -> Outcome:
    """Give the other user a password that nobody knows: a restored database knows the one that it had at that moment."""
    if is_entra_only(database):
        return Next()
    return scramble(operation, database, slot=other_slot(slot))


def scramble(operation: Operation, database: Database, *, slot: str) -> Outcome:
    """Give the slot's user a random password that is stored nowhere; another one where policy refused the last.

    Repeating it gives it another.
    """
    try:
        with administrator(operation, database) as admin:
            factory.sql_logins().ensure_user(admin, user_of(slot), new_password())
    except PasswordRejected as error:
        refused = operation.choices.get("scrambles_refused", 0) + 1
        if refused >= PASSWORDS_TRIED:
            text = f"{database}, {operation.step}: every password for {user_of(slot)} is refused."
            return Ask(error.code, text)
        return Next(to=operation.step, choices={"scrambles_refused": refused})
    return Next()


def record_restored(operation: Operation, database: Database, *, slot: str) -> None:
    """Remember what was issued to a restored database, in which no other user has a password that is known.

    What was read before is then swept up, by whoever works on the credential next.
    """
    if is_entra_only(database):
        identities.record_identity(database)
        return
    rows = Credential.objects.filter(database=database).exclude(slot=slot)
    gone = (Credential.Status.ACTIVE, Credential.Status.OVERLAPPING)
    rows.filter(status__in=gone).update(status=Credential.Status.RETIRED, retire_after=None, retire_by=None)
    columns = issued_columns(operation, database, slot=slot)
    Credential.objects.update_or_create(database=database, slot=slot, defaults={"user_name": user_of(slot), **columns})
    if not _replaced_if_known(operation, database, purpose_of(slot)):
        sweep(operation, database)


def _replaced_if_known(operation: Operation, database: Database, purpose: Purpose) -> bool:
    """Replace at once what was on its way when an emergency was declared: its password may be known as the others are."""
    emergency = covering(database, since=operation.created_at)
    if emergency is None:
        return False
    reason = str(emergency.input["reason"])
    request_emergency_rotation(database, actor=emergency.actor, reason=reason, purpose=purpose)
    return True


def sweep(operation: Operation, database: Database) -> None:
    """Have every version disabled that is not the active user's; work that is under way there does it too."""
    if is_entra_only(database):
        return
    with contextlib.suppress(OperationInProgress):
        submit("retire_credential", target=credential_key(database), actor="system", workspace=operation.workspace)


def issued_columns(operation: Operation, database: Database, *, slot: str) -> dict[str, object]:
    """Columns of the credential that this operation has published."""
    now = clock.now()
    return {
        "status": Credential.Status.ACTIVE,
        "staging_secret": staging_secret_of(database, slot),
        "staging_version": operation.choices[_noted("staging_version", slot)],
        "stable_secret": stable_secret_of(database, purpose_of(slot)),
        "stable_version": operation.choices[_noted("stable_version", slot)],
        "promoted_at": now,
        "valid_until": valid_until(operation, slot),
        "retire_after": None,
        "retire_by": None,
        "rotate_after": next_rotation_at(database.pk, now, policy_of(database)),
        "alerted_days": None,
        "failures": 0,
        "acknowledged_at": None,
    }


def valid_until(operation: Operation, slot: str) -> datetime:
    """When the credential of this operation has to be replaced; chosen with its password."""
    return datetime.fromisoformat(operation.choices[_noted("valid_until", slot)])


def _noted(name: str, slot: str) -> str:
    """Name of a choice; a creation makes them for both purposes."""
    return f"cast_{name}" if purpose_of(slot) is Purpose.CAST else name


def _untidiness(operation: Operation, version: SecretVersion, slot: str) -> dict[str, bool]:
    """Remembers that a second version was set where an earlier one may stand, or was refused: a sweep is due."""
    doubled = operation.maybe_happened and version.tags.get(RUN_TAG) == str(operation.fence)
    return {"untidy": True} if doubled or operation.choices.get(_noted("passwords_refused", slot)) else {}


def _staged(operation: Operation, database: Database, slot: str) -> Secret:
    return read_secret(operation, staging_secret_of(database, slot), operation.choices[_noted("staging_version", slot)])

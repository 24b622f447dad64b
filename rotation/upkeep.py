"""Keeping what consumers read right, and nothing beside it readable."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings

from cloud import factory
from cloud.errors import CloudError, LoginRefused
from cloud.secret_store import SecretStore, SecretVersion
from cloud.secrets import Secret
from inventory.models import Database
from operations import audit, clock
from operations.models import Operation
from operations.outcomes import Ask, Next, Outcome, Wait
from rotation.logins import administrator, record_sign_in, user_login
from rotation.models import Credential
from rotation.names import SLOTS, secrets_of, user_of
from rotation.publishing import publish_active
from rotation.targets import credential_in, purpose_in
from rotation.vault import read_secret, record_read, store_of

REPAIRS_TRIED = 3
VAULT_LAGS_AT_MOST = timedelta(minutes=1)  # our allowance: Key Vault names no bound for reads behind its last write


def confirm_active(operation: Operation, database: Database, slot: str) -> Outcome:
    """Go on once the newest stable secret is the active user's, and a fresh sign-in with it has worked.

    Where it is not (somebody set, disabled or deleted it), it is published again; where the sign-in is refused, the
    password is set again from its stored value. One change a run.
    """
    record_republished(operation, database)
    active = credential_in(database, slot)
    if not _is_newest(operation, active):
        return _put_right(operation, database, active)
    password = read_secret(operation, active.staging_secret, active.staging_version)
    try:
        factory.sql_logins().verify(user_login(database, slot, password))
    except LoginRefused as error:
        return _set_again(operation, database, slot, password, error)
    record_sign_in(operation, database)
    return Next()


def disable_one_superseded(operation: Operation, database: Database) -> bool:
    """Disable one enabled version that is not the active user's. False when none was left."""
    kept, store = _kept(operation, database), store_of(operation)
    for version in _versions(store, secrets_of(database, purpose_in(operation))):
        if version.enabled and (version.name, version.version) not in kept:
            store.disable(version.name, version.version)
            record_disabled(operation, version)
            return True
    return False


def record_republished(operation: Operation, database: Database) -> None:
    """Remember the version by which the stable secret was put right, if it was."""
    if "stable_version" in operation.choices:
        Credential.objects.filter(database=database, slot=operation.choices["active"]).update(
            stable_version=operation.choices["stable_version"]
        )


def _is_newest(operation: Operation, active: Credential) -> bool:
    """True where a read without version gives what we last published."""
    try:
        found = store_of(operation).get(active.stable_secret)
    except CloudError as error:
        if error.code == "SecretDisabled":
            return False
        raise
    if found is None:
        return False
    record_read(operation, found[1])
    return bool(found[1].version == operation.choices.get("stable_version", active.stable_version))


def _put_right(operation: Operation, database: Database, active: Credential) -> Outcome:
    """Publish again what is not shown for a minute: a vault may be read for a while as it was before its last change."""
    now, since = clock.database_now(), operation.choices.get("unshown_since")
    if since is None or now - datetime.fromisoformat(since) < VAULT_LAGS_AT_MOST:
        told = {"unshown_since": since or now.isoformat()}
        return Wait(
            settings.SHORT_WAIT_SECONDS, reason="The vault does not show what was published last.", choices=told
        )
    times = operation.choices.get("published_again", 0) + 1
    version = _publish_again(operation, database, active, attempt=times)
    told = {"stable_version": version.version, "published_again": times, "unshown_since": now.isoformat()}
    return Next(to=operation.step, choices=told)


def _publish_again(operation: Operation, database: Database, active: Credential, *, attempt: int) -> SecretVersion:
    audit.record(
        "credential.published_again",
        actor=f"system:{operation.kind}",
        target=operation.target_key,
        workspace=operation.workspace,
        operation_id=operation.pk,
    )
    return publish_active(operation, database, active, attempt=attempt)


def _set_again(operation: Operation, database: Database, slot: str, password: Secret, error: LoginRefused) -> Outcome:
    repairs = operation.choices.get("repairs", 0) + 1
    if repairs >= REPAIRS_TRIED:
        return Ask(error.code, f"{database} refuses {user_of(slot)}, the user that consumers are told to use.")
    with administrator(operation, database) as admin:
        factory.sql_logins().ensure_user(admin, user_of(slot), password)
    return Next(to=operation.step, choices={"repairs": repairs})


def _kept(operation: Operation, database: Database) -> set[tuple[str, str]]:
    """Versions that belong to the active user, or to one that is still told to work."""
    active = Credential.objects.filter(database=database, status=Credential.Status.ACTIVE)
    rows = active.filter(slot__in=SLOTS[purpose_in(operation)])
    kept = {(row.staging_secret, row.staging_version) for row in rows}
    stable = {(row.stable_secret, operation.choices.get("stable_version", row.stable_version)) for row in rows}
    return kept | stable


def _versions(store: SecretStore, names: tuple[str, ...]) -> Iterator[SecretVersion]:
    """Staged ones first: what consumers read is touched last."""
    published, *staging = names
    for name in (*staging, published):
        yield from store.versions(name)


def record_disabled(operation: Operation, version: SecretVersion) -> None:
    audit.record(
        "secret.disabled",
        actor=f"system:{operation.kind}",
        target=f"secret:{version.name}/{version.version}",
        workspace=operation.workspace,
        operation_id=operation.pk,
        request=operation.trace_id,
    )

"""Taking credentials away, and in the end their secrets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from cloud import factory
from inventory.models import Database
from operations import audit
from operations.models import Operation
from operations.outcomes import Next, Outcome
from rotation.logins import administrator
from rotation.models import Credential
from rotation.names import SLOTS, Purpose, secrets_of, user_of
from rotation.vault import store_of


def disable_next_version(
    operation: Operation, database: Database, *purposes: Purpose, only_while: Callable[[], bool]
) -> bool:
    """Disable one enabled version of the secrets of these purposes, published ones first. False when none was left, or
    `only_while` does not hold (any more): it is asked between the listing and the change."""
    store = store_of(operation)
    for name in secrets_of(database, *purposes):
        for version in store.versions(name):
            if version.enabled and only_while():
                store.disable(name, version.version)
                _record(operation, "secret.disabled", f"secret:{name}/{version.version}")
                return True
    return False


def delete_next_secret(operation: Operation, database: Database) -> bool:
    """Delete one of the database's secrets with all its versions, recoverably. False when none was left."""
    store = store_of(operation)
    for name in secrets_of(database, *purposes_of(database)):
        if store.versions(name):
            store.begin_delete(name)
            _record(operation, "secret.deleted", f"secret:{name}")
            return True
    return False


def purge_next_secret(operation: Operation, database: Database) -> bool:
    """Erase one of its deleted secrets for good. False when none was left that the vault lets us erase."""
    store = store_of(operation)
    for name in secrets_of(database, *purposes_of(database)):
        if store.recoverable_until(name) is not None and store.purge(name):
            _record(operation, "secret.purged", f"secret:{name}")
            return True
    return False


def secrets_recoverable_until(operation: Operation, database: Database) -> datetime | None:
    """When the vault lets go of the last of its deleted secrets; None when none is recoverable any more."""
    store = store_of(operation)
    moments = [store.recoverable_until(name) for name in secrets_of(database, *purposes_of(database))]
    return max((moment for moment in moments if moment is not None), default=None)


def drop_next_user(
    operation: Operation, database: Database, purpose: Purpose, *, only_while: Callable[[], bool]
) -> Outcome:
    """Drop the users of a purpose, one a run of this step; one that was never made is no error. `only_while` is asked
    right before, for whoever comes late."""
    slots, dropped = SLOTS[purpose], operation.choices.get("dropped", 0)
    with administrator(operation, database) as admin:
        if only_while():
            factory.sql_logins().drop_user(admin, user_of(slots[dropped]))
    last = dropped + 1 == len(slots)
    return Next(to="" if last else operation.step, choices={"dropped": dropped + 1})


def purposes_of(database: Database) -> tuple[Purpose, ...]:
    """Those for which secrets may stand in the vault."""
    cast = Credential.objects.filter(database=database, slot__in=SLOTS[Purpose.CAST])
    wanted = database.service is not None and database.service.has_cast
    return (Purpose.SERVICE, Purpose.CAST) if wanted or cast.exists() else (Purpose.SERVICE,)


def _record(operation: Operation, action: str, target: str) -> None:
    audit.record(
        action,
        actor=f"system:{operation.kind}",
        target=target,
        workspace=operation.workspace,
        operation_id=operation.pk,
        request=operation.trace_id,
    )

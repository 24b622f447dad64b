"""Taking credentials away, and in the end their secrets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from inventory.models import Database
from operations import audit
from operations.models import Operation
from rotation.names import secrets_of
from rotation.vault import store_of


def disable_next_version(operation: Operation, database: Database, *, only_while: Callable[[], bool]) -> bool:
    """Disable one enabled version of the database's secrets, the published one first. False when none was left, or
    `only_while` does not hold (any more): it is asked between the listing and the change."""
    store = store_of(operation)
    for name in secrets_of(database):
        for version in store.versions(name):
            if version.enabled and only_while():
                store.disable(name, version.version)
                _record(operation, "secret.disabled", f"secret:{name}/{version.version}")
                return True
    return False


def delete_next_secret(operation: Operation, database: Database) -> bool:
    """Delete one of the database's secrets with all its versions, recoverably. False when none was left."""
    store = store_of(operation)
    for name in secrets_of(database):
        if store.versions(name):
            store.begin_delete(name)
            _record(operation, "secret.deleted", f"secret:{name}")
            return True
    return False


def purge_next_secret(operation: Operation, database: Database) -> bool:
    """Erase one of its deleted secrets for good. False when none was left that the vault lets us erase."""
    store = store_of(operation)
    for name in secrets_of(database):
        if store.recoverable_until(name) is not None and store.purge(name):
            _record(operation, "secret.purged", f"secret:{name}")
            return True
    return False


def secrets_recoverable_until(operation: Operation, database: Database) -> datetime | None:
    """When the vault lets go of the last of its deleted secrets; None when none is recoverable any more."""
    store = store_of(operation)
    moments = [store.recoverable_until(name) for name in secrets_of(database)]
    return max((moment for moment in moments if moment is not None), default=None)


def _record(operation: Operation, action: str, target: str) -> None:
    audit.record(
        action,
        actor=f"system:{operation.kind}",
        target=target,
        workspace=operation.workspace,
        operation_id=operation.pk,
        request=operation.trace_id,
    )

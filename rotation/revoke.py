"""Taking credentials away."""

from __future__ import annotations

from collections.abc import Callable

from inventory.models import Database
from operations import audit
from operations.models import Operation
from rotation.names import stable_secret_of, staging_secret_of
from rotation.vault import store_of


def disable_next_version(operation: Operation, database: Database, *, only_while: Callable[[], bool]) -> bool:
    """Disable one enabled version of the database's secrets, the published one first. False when none was left, or
    `only_while` does not hold (any more): it is asked between the listing and the change."""
    store = store_of(operation)
    for name in (stable_secret_of(database), staging_secret_of(database, "a"), staging_secret_of(database, "b")):
        for version in store.versions(name):
            if version.enabled and only_while():
                store.disable(name, version.version)
                _record(operation, f"secret:{name}/{version.version}")
                return True
    return False


def _record(operation: Operation, target: str) -> None:
    audit.record(
        "secret.disabled",
        actor=f"system:{operation.kind}",
        target=target,
        workspace=operation.workspace,
        operation_id=operation.pk,
        request=operation.trace_id,
    )

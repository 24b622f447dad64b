"""Secrets of databases, servers and receivers: set once an operation, read by name, always audited, never kept here."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from django.conf import settings

from cloud import factory
from cloud.errors import AlreadyThere
from cloud.protocols import CallClass
from cloud.secret_store import SecretStore, SecretVersion
from cloud.secrets import Secret
from inventory.models import Database, SqlServer
from notifications.models import Receiver
from operations import audit
from operations.models import Operation, Priority
from operations.outcomes import StepError
from rotation.names import user_of

OPERATION_TAG = "operation"
ATTEMPT_TAG = "attempt"
Owner = Database | SqlServer | Receiver
KIND_OF_OWNER: dict[type, str] = {Database: "database", SqlServer: "server", Receiver: "receiver"}
RUN_TAG = "run"  # the operation's fence when it was set


def store_of(operation: Operation) -> SecretStore:
    """The vault, in the name of the operation's class: rotations leave users a reserve of the vault's calls."""
    return factory.secret_store(call_class=CallClass[Priority(operation.priority).name])


def set_once(
    operation: Operation,
    owner: Owner,
    name: str,
    make: Callable[[], Secret],
    *,
    attempt: int = 0,
    expires_at: datetime | None = None,
) -> SecretVersion:
    """The version that this operation (and attempt) made; a new one where an earlier run made none.

    A name that somebody has deleted is brought back first: it is ours alone, so it raises StepError until it is there.
    """
    made = made_by(operation, name, attempt) if operation.maybe_happened else None
    if made is not None:
        return made
    try:
        return store_of(operation).set(name, make(), tags=_tags(operation, owner, attempt), expires_at=expires_at)
    except AlreadyThere as error:
        store_of(operation).begin_recover(name)
        raise StepError(
            error.code,
            f"The secret {name} had been deleted; it is being recovered.",
            transient=True,
            retry_after=settings.SHORT_WAIT_SECONDS,
        ) from error


def made_by(operation: Operation, name: str, attempt: int = 0) -> SecretVersion | None:
    """The newest version that this operation (and attempt) made and nobody has disabled."""
    ours = {OPERATION_TAG: str(operation.pk), ATTEMPT_TAG: str(attempt)}
    found = [v for v in store_of(operation).versions(name) if v.enabled and ours.items() <= v.tags.items()]
    return found[-1] if found else None


def read_secret(operation: Operation, name: str, version: str | None = None) -> Secret:
    """A secret's value, for use inside this process; every read is audited by name.

    One that is not there is asked back, in case somebody has deleted it, and raises a transient StepError.
    """
    found = store_of(operation).get(name, version)
    if found is None:
        store_of(operation).begin_recover(name)
        raise StepError("SecretMissing", f"The vault has no secret {name}.", transient=True)
    record_read(operation, found[1])
    return found[0]


def record_read(operation: Operation, version: SecretVersion) -> None:
    audit.record(
        "secret.read",
        actor=f"system:{operation.kind}",
        target=f"secret:{version.name}/{version.version}",
        workspace=operation.workspace,
        operation_id=operation.pk,
        request=operation.trace_id,
    )


def document(database: Database, *, slot: str, password: Secret, valid_until: str) -> Secret:
    """What consumers read: where to go, as whom, and until when it is promised to work (ISO 8601, UTC)."""
    return Secret(
        json.dumps(
            {
                "endpoint": server_of(database).observed_endpoint,
                "database": database.azure_name,
                "user": user_of(slot),
                "password": password.reveal(),
                "valid_until": valid_until,
            }
        )
    )


def vault_url() -> str:
    """Where consumers find their secrets."""
    return str(settings.AZURE_VAULT_URL)


def server_of(database: Database) -> SqlServer:
    if database.server is None:
        raise StepError("NotPlaced", "The database has no server yet.")
    return database.server


def _tags(operation: Operation, owner: Owner, attempt: int) -> dict[str, str]:
    return {
        "deployment": settings.DEPLOYMENT,
        OPERATION_TAG: str(operation.pk),
        ATTEMPT_TAG: str(attempt),
        RUN_TAG: str(operation.fence),
        KIND_OF_OWNER[type(owner)]: str(owner.pk),
        "workspace": operation.workspace,
    }

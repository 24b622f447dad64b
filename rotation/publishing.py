"""The document by which consumers find an active credential, once more: its password and its end stay as they are."""

from __future__ import annotations

from cloud.secret_store import SecretVersion
from inventory.models import Database
from operations.models import Operation
from rotation.models import Credential
from rotation.vault import document, read_secret, set_once


def publish_active(operation: Operation, database: Database, active: Credential, *, attempt: int = 0) -> SecretVersion:
    """A new version of the stable secret, once an operation (and attempt), with what the database's row says now."""
    until = active.valid_until
    assert until is not None, "an active one with a secret has it"
    return set_once(
        operation,
        database,
        active.stable_secret,
        lambda: document(
            database,
            slot=active.slot,
            password=read_secret(operation, active.staging_secret, active.staging_version),
            valid_until=until.isoformat(),
        ),
        attempt=attempt,
        expires_at=until,
    )

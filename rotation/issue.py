"""Steps that give a new database its first credential: staged, set, proved by a real sign-in, published.

The password is made once, in the vault: each version is tagged with the operation and looked up before another is set.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from django.conf import settings

from cloud import factory
from cloud.protocols import LoginSpec, SecretVersion
from cloud.secrets import Secret
from inventory.models import Database, SqlServer
from operations import audit
from operations.models import Operation
from operations.outcomes import Next, Outcome, StepError
from rotation.models import Credential
from rotation.passwords import new_password

OPERATION_TAG = "operation"


def user_of(slot: str) -> str:
    """Name of the contained user of a slot; the same in every database."""
    return f"svc_{slot}"


def staging_secret_of(database: Database, slot: str) -> str:
    return f"{database.azure_name}-{slot}"


def stable_secret_of(database: Database) -> str:
    """The secret that consumers read; its name never changes."""
    return database.azure_name


def stage_password(operation: Operation, database: Database, *, slot: str = "a") -> Outcome:
    """Put a fresh password into the slot's own secret, once per operation."""
    name = staging_secret_of(database, slot)
    version = _version_of(operation, name) or _set(operation, database, name, new_password())
    return Next(choices={"staging_version": version.version})


def create_user(operation: Operation, database: Database, *, slot: str = "a") -> Outcome:
    """Make the database's user with the staged password; repeating it sets the same password again."""
    admin = LoginSpec(
        endpoint=endpoint_of(database),
        database=database.azure_name,
        user=server_of(database).administrator_login,
        password=read_secret(operation, server_of(database).admin_secret_name),
    )
    password = _staged(operation, database, slot)
    factory.sql_logins().ensure_user(admin, user_of(slot), password)
    return Next()


def verify_login(operation: Operation, database: Database, *, slot: str = "a") -> Outcome:
    """Sign in as the new user, over a fresh connection."""
    factory.sql_logins().verify(
        LoginSpec(
            endpoint=endpoint_of(database),
            database=database.azure_name,
            user=user_of(slot),
            password=_staged(operation, database, slot),
        )
    )
    audit.record(
        "database.sign_in_verified",
        actor=f"system:{operation.kind}",
        target=database.key,
        workspace=operation.workspace,
        operation_id=operation.pk,
        request=operation.trace_id,
    )
    return Next()


def publish_secret(operation: Operation, database: Database, *, slot: str = "a") -> Outcome:
    """Make the credential the one that consumers read: a new version of the stable secret, once per operation."""
    name = stable_secret_of(database)
    version = _version_of(operation, name) or _set(
        operation, database, name, _document(operation, database, slot), expires_at=valid_until(operation)
    )
    return Next(choices={"stable_version": version.version})


def record_issued(operation: Operation, database: Database, *, slot: str = "a") -> None:
    """Remember the references of what was issued; in the transaction that ends the operation."""
    Credential.objects.update_or_create(
        database=database,
        slot=slot,
        defaults={
            "user_name": user_of(slot),
            "status": Credential.Status.ACTIVE,
            "staging_secret": staging_secret_of(database, slot),
            "staging_version": operation.choices["staging_version"],
            "stable_secret": stable_secret_of(database),
            "stable_version": operation.choices["stable_version"],
            "promoted_at": operation.claimed_at,
            "valid_until": valid_until(operation),
        },
    )


def valid_until(operation: Operation) -> datetime:
    """When the credential made by this operation has to be replaced; the same however often it is asked."""
    return operation.created_at + timedelta(days=settings.CREDENTIAL_DAYS)


def read_secret(operation: Operation, name: str, version: str | None = None) -> Secret:
    """A secret's value, for use inside this process; every read is audited by name."""
    found = factory.secret_store().get(name, version)
    if found is None:
        raise StepError("SecretMissing", f"The vault has no secret {name}.", transient=True)
    audit.record(
        "secret.read",
        actor=f"system:{operation.kind}",
        target=f"secret:{name}/{found[1].version}",
        workspace=operation.workspace,
        operation_id=operation.pk,
        request=operation.trace_id,
    )
    return found[0]


def server_of(database: Database) -> SqlServer:
    if database.server is None:
        raise StepError("NotPlaced", "The database has no server yet.")
    return database.server


def endpoint_of(database: Database) -> str:
    return server_of(database).observed_endpoint


def _staged(operation: Operation, database: Database, slot: str) -> Secret:
    return read_secret(operation, staging_secret_of(database, slot), operation.choices["staging_version"])


def _document(operation: Operation, database: Database, slot: str) -> Secret:
    return Secret(
        json.dumps(
            {
                "endpoint": endpoint_of(database),
                "database": database.azure_name,
                "user": user_of(slot),
                "password": _staged(operation, database, slot).reveal(),
                "valid_until": valid_until(operation).isoformat(),
            }
        )
    )


def _version_of(operation: Operation, name: str) -> SecretVersion | None:
    """The version that an earlier run of this operation made, if it did."""
    if not operation.maybe_happened:
        return None
    found = [v for v in factory.secret_store().versions(name) if v.tags.get(OPERATION_TAG) == str(operation.pk)]
    return found[0] if found else None


def _set(
    operation: Operation, database: Database, name: str, value: Secret, *, expires_at: datetime | None = None
) -> SecretVersion:
    tags = {
        "deployment": settings.DEPLOYMENT,
        OPERATION_TAG: str(operation.pk),
        "database": str(database.pk),
        "workspace": operation.workspace,
    }
    return factory.secret_store().set(name, value, tags=tags, expires_at=expires_at)

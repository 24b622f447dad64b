"""Signing in to a database as its server's administrator, and as one of its users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cloud.errors import LoginRefused
from cloud.protocols import LoginSpec
from cloud.secrets import Secret
from inventory.models import Database
from operations import audit
from operations.models import Operation
from operations.outcomes import StepError
from rotation.names import user_of
from rotation.vault import read_secret, server_of


@contextmanager
def administrator(operation: Operation, database: Database) -> Iterator[LoginSpec]:
    """The server administrator's login. Its refusal is transient: its password may be changing just now."""
    server = server_of(database)
    login = LoginSpec(
        endpoint=server.observed_endpoint,
        database=database.azure_name,
        user=server.administrator_login,
        password=read_secret(operation, server.admin_secret_name, server.admin_secret_version or None),
    )
    try:
        yield login
    except LoginRefused as error:
        text = f"{database} refuses its administrator {server.administrator_login}."
        raise StepError("AdministratorRefused", text, transient=True) from error


def user_login(database: Database, slot: str, password: Secret) -> LoginSpec:
    return LoginSpec(
        endpoint=server_of(database).observed_endpoint,
        database=database.azure_name,
        user=user_of(slot),
        password=password,
    )


def record_sign_in(operation: Operation, database: Database) -> None:
    audit.record(
        "database.sign_in_verified",
        actor=f"system:{operation.kind}",
        target=database.key,
        workspace=operation.workspace,
        operation_id=operation.pk,
        request=operation.trace_id,
    )

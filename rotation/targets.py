"""Which database an operation on a credential is about, and its two users."""

from __future__ import annotations

from inventory.models import Database, SqlServer
from operations.models import Operation
from rotation.models import Credential


def database_of(operation: Operation) -> Database:
    return Database.objects.select_related("server", "service__workspace", "region").get(
        pk=operation.target_key.partition(":")[2]
    )


def active_credential(database: Database) -> Credential | None:
    """The user that the stable secret names; None before the first was issued."""
    return Credential.objects.filter(database=database, status=Credential.Status.ACTIVE).first()


def credential_in(database: Database, slot: str) -> Credential:
    return Credential.objects.get(database=database, slot=slot)


def server_of(operation: Operation) -> SqlServer:
    return SqlServer.objects.get(pk=operation.target_key.partition(":")[2])

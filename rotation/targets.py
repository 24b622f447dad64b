"""Which database an operation on a credential is about, for which purpose, and its two users."""

from __future__ import annotations

from inventory.models import Database, SqlServer
from operations.models import Operation
from rotation.models import Credential
from rotation.names import SLOTS, Purpose


def database_of(operation: Operation) -> Database:
    return Database.objects.select_related("server", "service__workspace", "region").get(
        pk=operation.target_key.split(":")[1]
    )


def purpose_in(operation: Operation) -> Purpose:
    """The purpose that the operation's target names."""
    return Purpose.CAST if operation.target_key.endswith(":cast") else Purpose.SERVICE


def active_credential(database: Database, purpose: Purpose) -> Credential | None:
    """The user that the stable secret names; None before the first was issued."""
    active = Credential.objects.filter(database=database, status=Credential.Status.ACTIVE)
    return active.filter(slot__in=SLOTS[purpose]).first()


def credential_in(database: Database, slot: str) -> Credential:
    return Credential.objects.get(database=database, slot=slot)


def server_of(operation: Operation) -> SqlServer:
    return SqlServer.objects.get(pk=operation.target_key.partition(":")[2])

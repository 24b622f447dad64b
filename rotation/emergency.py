"""Which databases an emergency is about, worst first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from inventory.models import Database
from operations import audit
from operations.models import Operation, Priority
from operations.services import submit
from rotation.holding import GONE
from rotation.models import Credential

Status = Credential.Status


class Scope(StrEnum):
    """How far a leak may reach."""

    DATABASE = "database"
    WORKSPACE = "workspace"
    SERVER = "server"
    EVERYTHING = "everything"


COLUMN_OF = {
    Scope.DATABASE: "database_id",
    Scope.WORKSPACE: "database__service__workspace_id",
    Scope.SERVER: "database__server_id",
}


class ReasonMissing(Exception):
    """An emergency rotation interrupts consumers, so it says why."""

    code = "ReasonMissing"


@dataclass(frozen=True, slots=True)
class Reach:
    """What to replace: everything, or all of one row."""

    scope: Scope
    id: UUID | None = None

    @property
    def key(self) -> str:
        return f"emergency:{self.scope}:{self.id}" if self.id else f"emergency:{self.scope}"

    def credentials(self) -> QuerySet[Credential]:
        """Active credentials within reach, worst first: two users that work, then the largest, then the longest used."""
        overlapping = Credential.objects.filter(database=OuterRef("database"), status=Status.OVERLAPPING)
        rows = Credential.objects.filter(status=Status.ACTIVE).exclude(database__status__in=GONE)
        if self.scope is not Scope.EVERYTHING:
            rows = rows.filter(**{COLUMN_OF[self.scope]: self.id})
        return rows.annotate(doubled=Exists(overlapping)).order_by(
            "-doubled", "-database__size_bytes", "promoted_at", "pk"
        )


@transaction.atomic
def request_emergency(reach: Reach, *, actor: str, reason: str, workspace: str = "") -> Operation:
    """Replace every credential within reach now, without an overlap. Raises ReasonMissing, and OperationInProgress while
    the same is under way."""
    if not reason.strip():
        raise ReasonMissing("Say why: the reason is kept in the audit log.")
    wish: dict[str, Any] = {"scope": str(reach.scope), "id": str(reach.id) if reach.id else "", "reason": reason}
    operation = submit(
        "emergency_rotation", target=reach.key, actor=actor, workspace=workspace, wish=wish, priority=Priority.USER
    )
    audit.record(
        "credentials.emergency_requested",
        actor=actor,
        target=reach.key,
        workspace=workspace,
        operation_id=operation.pk,
        reason=reason,
    )
    return operation


def reach_of(operation: Operation) -> Reach:
    found = operation.input["id"]
    return Reach(Scope(operation.input["scope"]), UUID(found) if found else None)


def next_databases(operation: Operation, *, limit: int) -> list[Database]:
    """The worst of those that this operation has not begun yet."""
    begun = Operation.objects.filter(parent=operation, kind="rotate_credential").values_list("target_key", flat=True)
    ids = {key.partition(":")[2] for key in begun}
    rows = reach_of(operation).credentials().exclude(database_id__in=ids).select_related("database__service__workspace")
    return [row.database for row in rows[:limit]]

"""Which databases an emergency is about, worst first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from inventory.models import Database, ServiceInstance
from notifications.services import tell
from operations import audit, clock
from operations.errors import OperationRefused
from operations.models import Operation, Priority
from operations.services import submit
from rotation.holding import LEAVING
from rotation.models import KEY, Credential

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


class ReasonMissing(OperationRefused):
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
        rows = Credential.objects.filter(status=Status.ACTIVE).exclude(LEAVING)
        rows = rows.exclude(database__server__auth_mode="entra_only")  # nobody can know what has no password
        if self.scope is not Scope.EVERYTHING:
            rows = rows.filter(**{COLUMN_OF[self.scope]: self.id})
        return rows.annotate(target_key=KEY, doubled=Exists(overlapping)).order_by(
            "-doubled", "-database__size_bytes", "promoted_at", "pk"
        )


def reach_of_service(service: ServiceInstance) -> Reach | None:
    """The service's database; None before its first credential was issued."""
    rows = Credential.objects.filter(database__service=service, status=Status.ACTIVE)
    row = rows.exclude(database__server__auth_mode="entra_only").first()
    return Reach(Scope.DATABASE, row.database_id) if row else None


@transaction.atomic
def request_emergency(reach: Reach, *, actor: str, reason: str, workspace: str = "") -> Operation:
    """Replace every credential within reach now, without an overlap. Raises ReasonMissing, and OperationInProgress while
    the same is under way."""
    if not reason.strip():
        raise ReasonMissing("Say why: the reason is kept in the audit log.")
    wish: dict[str, Any] = {
        "scope": str(reach.scope),
        "id": str(reach.id) if reach.id else "",
        "reason": reason,
        "declared_at": clock.now().isoformat(),
    }
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
    facts = {"operation": str(operation.pk), "scope": str(reach.scope), "reason": reason}
    tell("credentials.emergency", target=reach.key, workspace=workspace, facts=facts)
    return operation


def emergencies() -> QuerySet[Operation]:
    """All that were ever declared, newest first."""
    return Operation.objects.filter(kind="emergency_rotation").order_by("-created_at")


def covering(database: Database, *, since: datetime) -> Operation | None:
    """The last emergency within whose reach the database lies and that was declared at or after `since`."""
    return _covering(database).filter(created_at__gte=since).first()


def open_over(database: Database) -> Operation | None:
    """The last emergency within whose reach the database lies and that is not over."""
    return _covering(database).exclude(state__in=Operation.TERMINAL).first()


def _covering(database: Database) -> QuerySet[Operation]:
    ids = {
        Scope.DATABASE: database.pk,
        Scope.WORKSPACE: database.service.workspace_id if database.service else None,
        Scope.SERVER: database.server_id,
    }
    within = Q(input__scope=str(Scope.EVERYTHING))
    for scope, found in ids.items():
        within |= Q(input__scope=str(scope), input__id=str(found))
    return emergencies().filter(within)


def reach_of(operation: Operation) -> Reach:
    found = operation.input["id"]
    return Reach(Scope(operation.input["scope"]), UUID(found) if found else None)


def next_credentials(operation: Operation, *, limit: int) -> list[Credential]:
    """The worst of those whose replacement has not begun since the emergency was declared, by whomever."""
    rows = _concerned(operation).exclude(Exists(_replacements(operation)))
    return list(rows.select_related("database__service__workspace")[:limit])


def known_credentials(operation: Operation) -> QuerySet[Credential]:
    """Active credentials within reach beside which a user still works that worked when the emergency was declared."""
    declared = datetime.fromisoformat(operation.input["declared_at"])
    beside = Credential.objects.annotate(target_key=KEY).filter(target_key=OuterRef("target_key"))
    left = beside.filter(status=Status.OVERLAPPING, promoted_at__lt=declared)
    replaced = _replacements(operation).filter(state=Operation.State.SUCCEEDED)
    return _concerned(operation).filter(~Exists(replaced) | Exists(left)).select_related("database")


def still_at_work(credentials: QuerySet[Credential]) -> QuerySet[Credential]:
    """Those of them on which something works, or waits for a human."""
    return credentials.filter(Exists(_on_the_same().exclude(state__in=Operation.TERMINAL)))


def given_up(operation: Operation, *, limit: int) -> list[Credential]:
    """Those of them whose replacement failed or was cancelled and on which nothing works, worst first."""
    served = Q(input__emergency=True) | Q(state=Operation.State.NEEDS_ATTENTION)
    busy = _on_the_same().filter(served).exclude(state__in=Operation.TERMINAL)  # any other makes way
    idle = known_credentials(operation).exclude(Exists(busy))
    return list(idle.select_related("database__service__workspace")[:limit])


def waiting_for_human(operation: Operation, *, limit: int) -> list[Operation]:
    """What works on the worst of them and needs attention."""
    stuck = _on_the_same().filter(state=Operation.State.NEEDS_ATTENTION)
    keys = [row.key for row in known_credentials(operation).filter(Exists(stuck))[:limit]]
    return list(Operation.objects.filter(target_key__in=keys, state=Operation.State.NEEDS_ATTENTION))


def progress_of(operation: Operation) -> dict[str, int]:
    """How many databases are within reach, and of how many nothing that was known works any more."""
    total, known = _databases(_concerned(operation)), known_credentials(operation)
    stuck = known.filter(Exists(_on_the_same().filter(state=Operation.State.NEEDS_ATTENTION)))
    return {"databases": total, "replaced": total - _databases(known), "needAttention": _databases(stuck)}


def _databases(credentials: QuerySet[Credential]) -> int:
    """How many there are; one may have a credential for DICOM Cast too."""
    return credentials.order_by().aggregate(n=Count("database_id", distinct=True))["n"] or 0


def _concerned(operation: Operation) -> QuerySet[Credential]:
    """Without databases that were asked for later: nobody can know their credentials."""
    return reach_of(operation).credentials().filter(database__created_at__lte=operation.created_at)


def _replacements(operation: Operation) -> QuerySet[Operation]:
    """Emergency rotations of the same credential that have not begun yet, or began after the emergency was declared."""
    fresh = Q(started_at__isnull=True, finished_at__isnull=True) | Q(started_at__gte=operation.created_at)
    return _on_the_same().filter(fresh, kind="rotate_credential", input__emergency=True)


def _on_the_same() -> QuerySet[Operation]:
    return Operation.objects.filter(target_key=OuterRef("target_key"))

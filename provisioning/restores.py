"""What may be asked for: a deleted service back, or a service's data as of a moment. Each wish is one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F

from inventory.identifiers import azure_name
from inventory.models import Database, ServiceInstance, Workspace
from inventory.states import Status, move
from operations import audit, clock
from operations.errors import OperationInProgress
from operations.models import Operation
from operations.services import active_operation, submit
from provisioning import forgetting
from provisioning.changes.forecast import promise_end
from provisioning.durations import expected_seconds
from provisioning.errors import (
    NameTaken,
    RestoreWindowPassed,
    ServiceNotDeleted,
    ServiceNotReady,
    UnknownService,
    WorkspaceBeingDeleted,
    WorkspaceGone,
)
from provisioning.restore_sources import Source, source_for, why_passed
from provisioning.standing import check_room, hold, refuse_on_way, standing
from rotation.services import retire_all

KIND = "restore_database"
SWITCH_SECONDS = 60.0  # from the new secret until the former database is gone


@dataclass(frozen=True, slots=True)
class RestoreWish:
    """A service by name, as it was at `moment` (None: at its end). `service_id` tells those apart that had the same name;
    without it the one is meant that stands, or else can be restored longest."""

    name: str
    moment: datetime | None = None
    service_id: str | None = None


@transaction.atomic
def request_restore(workspace: Workspace, wish: RestoreWish, *, actor: str) -> Operation:
    """Bring a deleted service back, as it was at its end or at a moment; or a standing one back to a moment.

    Repeating it gives the restore that is under way. Raises WishRefused, OperationInProgress.
    """
    if not hold(workspace):
        raise WorkspaceGone("There is no such workspace.")
    found = standing(workspace, wish.name)
    if found.is_being_removed:
        raise WorkspaceBeingDeleted("The workspace is being removed; it takes no wishes any more.")
    database = Database.objects.select_for_update(of=("self",)).get(pk=_meant(workspace, wish).pk)
    running = active_operation(database.key)
    if running is not None:
        return _repeated(database, running, wish.moment)
    refuse_on_way(database)
    _refuse_unfinished(database)
    if database.status != Status.DELETED:
        _refuse_standing(database, wish.moment)
    source = source_for(database, wish.moment, clock.now())
    check_room(found)
    return _begin(database, source, wish.moment, actor=actor)


def _meant(workspace: Workspace, wish: RestoreWish) -> Database:
    """The database of the service that the wish is about. Raises UnknownService, NameTaken."""
    services = ServiceInstance.objects.filter(workspace=workspace, name=wish.name)
    present = services.filter(deleted_at__isnull=True).first()
    if wish.service_id is not None:
        services = services.filter(pk=wish.service_id)
    if present is not None and services.exists():
        if present not in services:
            raise NameTaken("A service of this name stands; delete it first.")
        return present.databases.exclude(status=Status.DELETED).get()
    gone = Database.objects.filter(service__in=services)
    found = gone.order_by(F("restorable_until").desc(nulls_last=True), "-deleted_at").first()
    if found is None:
        raise UnknownService("There is, and was, no such service.")
    return found


def _repeated(database: Database, running: Operation, moment: datetime | None) -> Operation:
    """The restore that is under way already. Raises OperationInProgress, or, of one that is being forgotten, why."""
    if running.kind == forgetting.KIND:
        raise RestoreWindowPassed(why_passed(database))
    same = running.kind == KIND and running.input["moment"] == _text(moment)
    in_line = Operation.objects.filter(follows=running).first()
    if not same or in_line is not None:
        raise OperationInProgress(in_line or running)
    return running


def _refuse_unfinished(database: Database) -> None:
    """What an earlier restore replaced, or left, is still being removed, with its secrets."""
    for one in database.stand_ins.exclude(status=Status.DELETED):
        removal = active_operation(one.key)
        if removal is not None:
            raise OperationInProgress(removal)


def _refuse_standing(database: Database, moment: datetime | None) -> None:
    if moment is None:
        raise ServiceNotDeleted("The service stands; to have its data as they were, say the pointInTime.")
    if database.status != Status.READY:
        raise ServiceNotReady(f"The service's database is {database.status}; only a ready one can be restored.")


def _begin(database: Database, source: Source, moment: datetime | None, *, actor: str) -> Operation:
    service = database.service
    assert service is not None, "it was found by its service"
    undeletes = database.status == Status.DELETED
    move(database, Status.UPDATING)
    if undeletes:
        ServiceInstance.objects.filter(pk=service.pk).update(deleted_at=None)
        retire_all(database)
    wish = {
        "service": service.name,
        "source": str(source.database.pk),
        "origin": source.origin.value,
        "moment": _text(moment),
        "undeletes": undeletes,
    }
    operation = submit(KIND, target=database.key, actor=actor, workspace=service.workspace.name, wish=wish)
    promise_end(operation, expected_seconds(KIND))
    _add_stand_in(operation, database)
    audit.record(
        "service.restore_requested",
        actor=actor,
        target=f"service:{service.pk}",
        workspace=service.workspace.name,
        operation_id=operation.pk,
        after={"name": service.name, "undeletes": undeletes, "moment": _text(moment)},
    )
    return operation


def _add_stand_in(operation: Operation, database: Database) -> Database:
    """The row of what will come to be: the same settings, with the operation's id and so a name of its own in Azure."""
    same = ("region_id", "service_tier", "sku_name", "vcores", "size_bytes", "retention_days", "backup_redundancy")
    return Database.objects.create(
        id=operation.pk,
        stands_in_for=database,
        azure_name=azure_name("d", operation.pk),
        vcores_demanded=database.vcores_demanded,
        **{name: getattr(database, name) for name in same},
    )


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None

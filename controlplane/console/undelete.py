"""The button that brings a deleted service back within its grace time."""

from __future__ import annotations

from controlplane.console.buttons import Button
from inventory.models import ServiceInstance
from inventory.states import Status
from operations import audit, clock
from provisioning.restores import RestoreWish, request_restore

PERMISSION = "inventory.change_serviceinstance"


def _undelete(row: ServiceInstance, *, actor: str, reason: str) -> str:
    wish = RestoreWish(row.name, service_id=str(row.pk))
    operation = request_restore(row.workspace, wish, actor=actor)
    audit.record(
        "console.undelete",
        actor=actor,
        target=f"service:{row.pk}",
        workspace=row.workspace.name,
        operation_id=operation.pk,
        reason=reason,
    )
    return f"It is coming back: operation {operation.pk}."


def _applies(row: ServiceInstance) -> bool:
    """Whether asking makes sense; the service decides."""
    return row.databases.filter(status=Status.DELETED, restorable_until__gt=clock.now()).exists()


UNDELETE = Button(
    name="undelete",
    title="Undelete",
    permission=PERMISSION,
    applies=_applies,
    act=_undelete,
    warns="Its database is restored as it was at its end, with fresh passwords under the same secret's name.",
    icon="restore_from_trash",
    confirms=lambda row: str(row.name),
)

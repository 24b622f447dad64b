"""What stands in the way of a wish for a service: one wish at a time a workspace, and one question about all of it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from inventory.models import Database, ServiceInstance, Workspace
from operations.errors import OperationInProgress
from operations.models import Operation
from operations.prepared import rows
from operations.services import active_operation
from provisioning.errors import TooManyOperations

_HOLD = "SELECT FROM inventory_workspace WHERE id = %s AND deleted_at IS NULL FOR UPDATE"
_STANDING = """
SELECT EXISTS (SELECT FROM operations_operation
               WHERE target_key = %s AND follows_id IS NULL AND state NOT IN ('succeeded', 'failed', 'cancelled')),
       (SELECT count(*) FROM (SELECT FROM operations_operation
                              WHERE workspace = %s AND state NOT IN ('succeeded', 'failed', 'cancelled') LIMIT %s) AS bounded),
       (SELECT id FROM inventory_serviceinstance WHERE workspace_id = %s AND name = %s AND deleted_at IS NULL)
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether the workspace is being removed, its open operations (counted up to its limit), and the service of that name."""

    is_being_removed: bool
    open_operations: int
    service_id: UUID | None

    @property
    def has_room(self) -> bool:
        return self.open_operations < settings.WORKSPACE_OPEN_OPERATIONS


def hold(workspace: Workspace) -> bool:
    """Let one wish at a time pass for this workspace until the transaction ends. False: it is gone."""
    return bool(rows(_HOLD, [workspace.pk]))


def standing(workspace: Workspace, service: str) -> Standing:
    """What is there; ask after `hold`, in a statement of its own, so that it sees what others have committed."""
    most = settings.WORKSPACE_OPEN_OPERATIONS
    (found,) = rows(_STANDING, [workspace.key, workspace.name, most, workspace.pk, service])
    return Standing(*found)


def service_key(service: ServiceInstance) -> str:
    """What a way of several hops is about: its hops are about the database, one operation at a time."""
    return f"service:{service.pk}"


def way_of(database: Database) -> Operation | None:
    """The way of several hops that the database is on, also while none of its hops is at work."""
    return active_operation(service_key(database.service)) if database.service else None


def refuse_on_way(database: Database) -> None:
    """Raise OperationInProgress while the database is on a way of several hops: its end is what is wished for now."""
    way = way_of(database)
    if way is not None:
        raise OperationInProgress(Operation.objects.filter(follows=way).first() or way)


def check_room(found: Standing) -> None:
    """Raise TooManyOperations where the workspace has as many open operations as it may; removals are never refused."""
    if not found.has_room:
        most = settings.WORKSPACE_OPEN_OPERATIONS
        raise TooManyOperations(f"The workspace has {most} open operations; wait until some have ended.")

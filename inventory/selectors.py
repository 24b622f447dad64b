"""Questions about what we own. Those that an owner may ask demand a `viewer` and show nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from inventory.models import Database, ServiceInstance, Workspace


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: an operator or auditor sees every workspace, others those they are a member of."""

    tenant_id: str
    object_id: str
    sees_everything: bool = False


def present_workspaces() -> QuerySet[Workspace]:
    """Workspaces that are not removed."""
    return Workspace.objects.filter(deleted_at__isnull=True)


def workspaces_for(viewer: Viewer) -> QuerySet[Workspace]:
    """Workspaces that the viewer may know of; a membership change works at once."""
    if viewer.sees_everything:
        return present_workspaces()
    return present_workspaces().filter(members__tenant_id=viewer.tenant_id, members__object_id=viewer.object_id)


def services_for(viewer: Viewer) -> QuerySet[ServiceInstance]:
    """Present services in workspaces that the viewer may know of."""
    return ServiceInstance.objects.filter(workspace__in=workspaces_for(viewer), deleted_at__isnull=True)


def deleted_services_for(viewer: Viewer, now: datetime) -> QuerySet[Database]:
    """Databases of deleted services that Azure can still restore, in workspaces that the viewer may know of."""
    return Database.objects.filter(
        service__workspace__in=workspaces_for(viewer), status=Database.Status.DELETED, restorable_until__gt=now
    )


def present_databases() -> QuerySet[Database]:
    """Databases that are, or may be, there."""
    return Database.objects.exclude(status=Database.Status.DELETED)

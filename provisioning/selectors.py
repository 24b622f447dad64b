"""Questions that span inventory and operations."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, OuterRef, QuerySet

from inventory.models import ServiceInstance, Workspace
from inventory.selectors import Viewer, workspaces_for
from operations.models import AuditEvent, Operation
from operations.services import active_operation

# An operation names its workspace. A name may be given again, so older operations belong to the name's former holder;
# two clocks (ours and PostgreSQL's) may differ by this much.
CLOCKS_DIFFER = timedelta(seconds=60)


def services_left(workspace: Workspace) -> QuerySet[ServiceInstance]:
    """Services of a workspace that are not gone."""
    return ServiceInstance.objects.filter(workspace=workspace, deleted_at__isnull=True)


def removal_of(workspace: Workspace) -> Operation | None:
    """The operation that is removing the workspace, if one is."""
    return active_operation(workspace.key)


def audit_events_for(viewer: Viewer) -> QuerySet[AuditEvent]:
    """Events about workspaces that the viewer may know of; who sees everything sees the platform's own too."""
    if viewer.sees_everything:
        return AuditEvent.objects.all()
    theirs = workspaces_for(viewer).filter(name=OuterRef("workspace"), created_at__lte=OuterRef("at") + CLOCKS_DIFFER)
    return AuditEvent.objects.filter(Exists(theirs))


def operations_for(viewer: Viewer) -> QuerySet[Operation]:
    """Operations of workspaces that the viewer may know of; who sees everything sees the platform's own too."""
    if viewer.sees_everything:
        return Operation.objects.all()
    theirs = workspaces_for(viewer).filter(
        name=OuterRef("workspace"), created_at__lte=OuterRef("created_at") + CLOCKS_DIFFER
    )
    return Operation.objects.filter(Exists(theirs))

"""Questions that span inventory and operations."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

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
    return AuditEvent.objects.filter(Exists(_holders(viewer, OuterRef("at"))))


def operations_for(viewer: Viewer) -> QuerySet[Operation]:
    """Operations of workspaces that the viewer may know of; who sees everything sees the platform's own too."""
    if viewer.sees_everything:
        return Operation.objects.all()
    return Operation.objects.filter(Exists(_holders(viewer, OuterRef("created_at"))))


def _holders(viewer: Viewer, at: OuterRef) -> QuerySet[Workspace]:
    """Who of the viewer's held the name of the row's workspace at that moment. Where somebody else held it before, the
    clocks are not given the benefit of the doubt."""
    former = Workspace.objects.filter(name=OuterRef("name"), deleted_at__isnull=False)
    surely, maybe = Q(created_at__lte=at), Q(created_at__lte=at + CLOCKS_DIFFER)
    return workspaces_for(viewer).filter(surely | (maybe & ~Exists(former)), name=OuterRef("workspace"))

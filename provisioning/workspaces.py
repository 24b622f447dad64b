"""Workspaces: made, changed and removed by operators. Each wish is one transaction."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction

from inventory.models import Member, Region, Workspace
from inventory.selectors import present_workspaces
from operations import audit, clock
from operations.models import Operation
from operations.services import serialise, submit
from provisioning.errors import ChangeNotSupported, RegionClosed, UnknownRegion, WorkspaceBeingDeleted
from provisioning.selectors import removal_of


@dataclass(frozen=True, slots=True, order=True)
class MemberWish:
    """An Entra object of a directory, both GUIDs in lower case."""

    tenant_id: str
    object_id: str


@dataclass(frozen=True, slots=True)
class WorkspaceWish:
    """A workspace as an operator describes it; `members` are all who may act in it."""

    name: str
    region: str
    display_name: str = ""
    entra_tenant_id: str = ""
    retention_days: int = 7
    members: frozenset[MemberWish] = frozenset()


def hold_name(name: str) -> None:
    """Let one wish at a time pass for the workspace of this name and all in it, until the transaction ends."""
    serialise(f"workspace-name:{name}")
    present_workspaces().select_for_update().filter(name=name).first()


@transaction.atomic
def define_workspace(wish: WorkspaceWish, *, actor: str) -> tuple[Workspace, bool]:
    """The workspace as wished, and whether it is new. Equal to what is there: nothing happens.

    Raises UnknownRegion, RegionClosed, WorkspaceBeingDeleted, and ChangeNotSupported for another region than it has.
    """
    serialise(f"workspace-name:{wish.name}")
    present = present_workspaces().select_for_update().filter(name=wish.name).first()
    if present is not None and removal_of(present) is not None:
        raise WorkspaceBeingDeleted("The workspace is being removed; it takes no wishes any more.")
    before = _as_dict(present) if present else {}
    workspace = _changed(present, wish) if present else _made(wish)
    _replace_members(workspace, wish.members)
    after = _as_dict(workspace)
    if before != after:
        action = "workspace.changed" if present else "workspace.created"
        audit.record(action, actor=actor, target=workspace.key, workspace=wish.name, before=before, after=after)
    return workspace, present is None


@transaction.atomic
def request_removal(workspace: Workspace, *, actor: str) -> Operation | None:
    """Remove a workspace with all its services. Repeating it gives the removal that is under way; None: it is gone."""
    row = present_workspaces().select_for_update().filter(pk=workspace.pk).first()
    if row is None:
        return None
    running = removal_of(row)
    return running or submit("delete_workspace", target=row.key, actor=actor, workspace=row.name)


def close_workspace(workspace: Workspace, *, actor: str) -> None:
    """Take away an empty workspace, and who may act in it; its name is free. Call it inside a transaction."""
    before = _as_dict(workspace)
    workspace.members.all().delete()
    Workspace.objects.filter(pk=workspace.pk).update(deleted_at=clock.now())
    audit.record("workspace.removed", actor=actor, target=workspace.key, workspace=workspace.name, before=before)


def _made(wish: WorkspaceWish) -> Workspace:
    region = Region.objects.filter(name=wish.region).first()
    if region is None:
        raise UnknownRegion(f"There is no region {wish.region} here.")
    if not region.is_open:
        raise RegionClosed(f"{region.display_name} takes no new workspaces.")
    columns = asdict(wish)
    del columns["members"], columns["region"]
    return Workspace.objects.create(region=region, **columns)


def _changed(workspace: Workspace, wish: WorkspaceWish) -> Workspace:
    if workspace.region_id != wish.region:
        raise ChangeNotSupported("A workspace stays in its region.")
    workspace.display_name = wish.display_name
    workspace.entra_tenant_id = wish.entra_tenant_id
    workspace.retention_days = wish.retention_days
    workspace.save(update_fields=["display_name", "entra_tenant_id", "retention_days"])
    return workspace


def _replace_members(workspace: Workspace, wished: frozenset[MemberWish]) -> None:
    present = {MemberWish(row.tenant_id, row.object_id): row for row in workspace.members.all()}
    Member.objects.filter(pk__in=[row.pk for wish, row in present.items() if wish not in wished]).delete()
    missing = sorted(wished - present.keys())
    Member.objects.bulk_create([Member(workspace=workspace, **asdict(member)) for member in missing])


def _as_dict(workspace: Workspace) -> dict[str, Any]:
    members = sorted(f"{tenant}/{oid}" for tenant, oid in workspace.members.values_list("tenant_id", "object_id"))
    return {
        "region": workspace.region_id,
        "display_name": workspace.display_name,
        "entra_tenant_id": workspace.entra_tenant_id,
        "retention_days": workspace.retention_days,
        "members": members,
    }

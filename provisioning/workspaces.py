"""Workspaces: made, changed and removed by operators. Each wish is one transaction."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.db import transaction

from inventory.models import AuthMode, Member, Region, Workspace
from inventory.selectors import present_workspaces
from operations import audit, clock
from operations.models import Operation
from operations.services import serialise, submit
from provisioning.errors import (
    ChangeNotSupported,
    EntraOnlyNotPossible,
    RegionClosed,
    RotationPolicyNotPossible,
    UnknownRegion,
    WorkspaceBeingDeleted,
)
from provisioning.selectors import removal_of
from rotation.services import follow_policy


@dataclass(frozen=True, slots=True, order=True)
class MemberWish:
    """An Entra object of a directory, both GUIDs in lower case."""

    tenant_id: str
    object_id: str


@dataclass(frozen=True, slots=True)
class RotationWish:
    """After how many days credentials are rotated (None: as the platform does), and in which local hours; equal hours are
    the whole day, and a window may pass midnight."""

    rotation_days: int | None = None
    rotation_first_hour: int | None = None
    rotation_end_hour: int | None = None
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class WorkspaceWish:
    """A workspace as an operator describes it; `members` are all who may act in it. `auth_mode` None: by password, if new."""

    name: str
    region: str
    display_name: str = ""
    entra_tenant_id: str = ""
    retention_days: int = 7
    members: frozenset[MemberWish] = frozenset()
    rotation: RotationWish = RotationWish()
    auth_mode: str | None = None


def hold_name(name: str) -> None:
    """Let one wish at a time pass for the workspace of this name and all in it, until the transaction ends."""
    serialise(f"workspace-name:{name}")
    present_workspaces().select_for_update().filter(name=name).first()


@transaction.atomic
def define_workspace(wish: WorkspaceWish, *, actor: str) -> tuple[Workspace, bool]:
    """The workspace as wished, and whether it is new. Equal to what is there: nothing happens.

    Raises UnknownRegion, RegionClosed, WorkspaceBeingDeleted, RotationPolicyNotPossible, EntraOnlyNotPossible, and
    ChangeNotSupported for another region or way to sign in than it has. Due dates of its credentials follow a changed
    policy at once.
    """
    _check_rotation(wish.rotation)
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
        follow_policy(workspace)
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
    auth_mode = AuthMode(wish.auth_mode or AuthMode.SQL)
    if auth_mode is AuthMode.ENTRA_ONLY and not settings.SQL_ENTRA_ADMIN_OBJECT_ID:
        raise EntraOnlyNotPossible(
            "No group of the directory administers SQL servers here (SQL_ENTRA_ADMIN_OBJECT_ID)."
        )
    columns = asdict(wish)
    del columns["members"], columns["region"], columns["rotation"], columns["auth_mode"]
    return Workspace.objects.create(region=region, auth_mode=auth_mode, **columns, **asdict(wish.rotation))


def _changed(workspace: Workspace, wish: WorkspaceWish) -> Workspace:
    if workspace.region_id != wish.region:
        raise ChangeNotSupported("A workspace stays in its region.")
    if wish.auth_mode not in (None, workspace.auth_mode):
        raise ChangeNotSupported("How services sign in is fixed when a workspace is made: it is their servers'.")
    workspace.display_name = wish.display_name
    workspace.entra_tenant_id = wish.entra_tenant_id
    workspace.retention_days = wish.retention_days
    rotation = asdict(wish.rotation)
    for name, value in rotation.items():
        setattr(workspace, name, value)
    workspace.save(update_fields=["display_name", "entra_tenant_id", "retention_days", *rotation])
    return workspace


def _check_rotation(wish: RotationWish) -> None:
    """Raises RotationPolicyNotPossible, saying what would be possible."""
    least, most = settings.ROTATION_DAYS_MINIMUM, settings.ROTATION_DAYS_MAXIMUM
    if wish.rotation_days is not None and not least <= wish.rotation_days <= most:
        raise RotationPolicyNotPossible(
            f"Credentials are rotated after {least} to {most} days, not {wish.rotation_days}."
        )
    if (wish.rotation_first_hour is None) != (wish.rotation_end_hour is None):
        raise RotationPolicyNotPossible("A window has a first and an end hour.")
    if wish.time_zone not in available_timezones():
        raise RotationPolicyNotPossible(
            f"There is no time zone {wish.time_zone}; names are IANA's, e.g. Europe/Berlin."
        )


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
        "auth_mode": workspace.auth_mode,
        **{name: getattr(workspace, name) for name in asdict(RotationWish())},
        "members": members,
    }

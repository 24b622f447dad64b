"""Customers' workspaces, and their services."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin import display
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest

from controlplane.console import recent
from controlplane.console.calendars import disturbance, freezes_of
from controlplane.console.display import NOTHING, copyable, moment, page_address, row_link, size, state
from controlplane.console.emergencies import OF_WORKSPACE
from controlplane.console.read_only import ReadOnlyPage
from controlplane.console.site import console
from controlplane.console.tables import Facts, Table
from inventory.models import Workspace


@admin.register(Workspace, site=console)
class WorkspacePage(ReadOnlyPage):
    """A customer's services, members and what was done for them."""

    list_display = (
        "name",
        "display_name",
        "region",
        "services_count",
        "signs_in_by",
        "retention_days",
        "created",
        "removed",
    )
    list_filter = ("region", "auth_mode")
    search_fields = ("name", "display_name", "entra_tenant_id")
    ordering = ("name",)
    buttons = (OF_WORKSPACE,)
    empty_means = "No customer has a workspace yet. They are made over the REST interface."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workspace]:
        present = Count("services", filter=Q(services__deleted_at__isnull=True))
        rows: QuerySet[Workspace] = super().get_queryset(request).select_related("region").annotate(present=present)
        return rows

    @display(description="services", ordering="present")
    def services_count(self, row: Any) -> int:
        return int(row.present)

    @display(description="signs in by", ordering="auth_mode")
    def signs_in_by(self, row: Workspace) -> str:
        return "Entra only" if row.auth_mode == "entra_only" else "SQL login"

    @display(description="created", ordering="created_at")
    def created(self, row: Workspace) -> str:
        return moment(row.created_at)

    @display(description="removed", ordering="deleted_at")
    def removed(self, row: Workspace) -> str:
        return moment(row.deleted_at)

    def facts(self, row: Workspace) -> list[Facts]:
        what = (
            ("Name", row.name),
            ("Shown as", row.display_name or NOTHING),
            ("Created", moment(row.created_at)),
            ("Removed", moment(row.deleted_at)),
        )
        rules = (
            ("Region", row_link(row.region, row.region.display_name)),
            ("Databases sign in by", self.signs_in_by(row)),
            ("Point-in-time restore", f"{row.retention_days} days"),
            ("Credentials rotate", _rotation(row)),
        )
        who = (("Id", copyable(row.pk)), ("Entra directory", copyable(row.entra_tenant_id)))
        return [
            Facts("Workspace", what),
            Facts("Rules for its databases", rules),
            disturbance(row),
            Facts("Identity", who),
        ]

    def tables(self, row: Workspace) -> list[Table]:
        return [
            _services(row),
            recent.operations("Operations", "Nothing was ever done for this workspace.", workspace=row.name),
            freezes_of(row),
            _members(row),
            recent.events(f"workspace={row.name}", workspace=row.name),
        ]


def _rotation(row: Workspace) -> str:
    """Its policy, and whether it is its own."""
    days = row.rotation_days or settings.ROTATION_DAYS
    whose = "" if row.rotation_days else " (the platform's)"
    if row.rotation_first_hour is None:
        return f"after {days} days{whose}, at any hour"
    return f"after {days} days{whose}, {row.rotation_first_hour}:00 to {row.rotation_end_hour}:00 {row.time_zone}"


def _services(workspace: Workspace) -> Table:
    services = workspace.services.filter(deleted_at__isnull=True).prefetch_related("databases__pool").order_by("name")
    rows = []
    for service in services[: recent.SHOWN]:
        database = next((one for one in service.databases.all() if one.status != "deleted"), None)
        about = (NOTHING, NOTHING, NOTHING, NOTHING)
        if database is not None:
            about = (state(database.status), row_link(database), size(database.size_bytes), row_link(database.pool))
        rows.append((row_link(service, service.name), service.get_kind_display(), *about))
    headings = ("Service", "Kind", "State", "Database", "Size", "Pool")
    more = f"{page_address(services.model, 'changelist')}?workspace__id__exact={workspace.pk}"
    return Table("Services", headings, rows, "The workspace has no service now.", more=more)


def _members(workspace: Workspace) -> Table:
    members = workspace.members.order_by("added_at")[: recent.SHOWN]
    rows = [(copyable(one.object_id), copyable(one.tenant_id), moment(one.added_at)) for one in members]
    return Table("Members", ("Entra object", "Directory", "Added"), rows, "Nobody but operators may act here.")

"""When changes may disturb: weekly windows and freezes, of workspaces and of the fleet."""

from __future__ import annotations

from calendar import day_name
from datetime import timedelta

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from controlplane.console.display import WARNING, label, moment, page_address, row_link, span
from controlplane.console.read_only import ReadOnlyPage
from controlplane.console.recent import SHOWN
from controlplane.console.site import console
from controlplane.console.tables import Facts, Table
from inventory.calendar import NEVER
from inventory.models import Freeze, MaintenanceWindow, Workspace
from operations import clock
from provisioning.windows import opening_for

FLEET = "the fleet"


@admin.register(MaintenanceWindow, site=console)
class MaintenanceWindowPage(ReadOnlyPage):
    """Windows; those of the fleet hold for every workspace that has none of its own."""

    list_display = ("whose", "opens_on", "lasts")
    list_filter = ("weekday", "time_zone")
    search_fields = ("workspace__name",)
    ordering = ("workspace__name", "weekday", "opens")
    empty_means = "No window is declared: changes may disturb at any time. They are declared over the REST interface."

    def get_queryset(self, request: HttpRequest) -> QuerySet[MaintenanceWindow]:
        rows: QuerySet[MaintenanceWindow] = super().get_queryset(request)
        return rows.select_related("workspace")

    @display(description="of", ordering="workspace__name")
    def whose(self, row: MaintenanceWindow) -> str:
        return row.workspace.name if row.workspace else FLEET

    @display(description="opens", ordering="weekday")
    def opens_on(self, row: MaintenanceWindow) -> str:
        return _opens(row)

    @display(description="stays open", ordering="minutes")
    def lasts(self, row: MaintenanceWindow) -> str:
        return span(timedelta(minutes=row.minutes))

    def facts(self, row: MaintenanceWindow) -> list[Facts]:
        values = (("Of", _whose(row.workspace)), ("Opens", _opens(row)), ("Stays open", self.lasts(row)))
        return [Facts("Maintenance window", values), *([disturbance(row.workspace)] if row.workspace else ())]


@admin.register(Freeze, site=console)
class FreezePage(ReadOnlyPage):
    """Times in which nothing may be disturbed, the latest first."""

    list_display = ("whose", "holds", "starts", "ends", "reason")
    search_fields = ("workspace__name", "reason")
    ordering = ("-ends_at",)
    empty_means = "No freeze was ever declared. They are declared over the REST interface."

    def get_queryset(self, request: HttpRequest) -> QuerySet[Freeze]:
        rows: QuerySet[Freeze] = super().get_queryset(request)
        return rows.select_related("workspace")

    @display(description="of", ordering="workspace__name")
    def whose(self, row: Freeze) -> str:
        return row.workspace.name if row.workspace else FLEET

    @display(description="holds")
    def holds(self, row: Freeze) -> SafeString:
        return _holds(row)

    @display(description="from", ordering="starts_at")
    def starts(self, row: Freeze) -> str:
        return moment(row.starts_at)

    @display(description="until", ordering="ends_at")
    def ends(self, row: Freeze) -> str:
        return moment(row.ends_at)

    def facts(self, row: Freeze) -> list[Facts]:
        values = (
            ("Of", _whose(row.workspace)),
            ("Holds", _holds(row)),
            ("From", moment(row.starts_at)),
            ("Until", moment(row.ends_at)),
            ("Reason", row.reason),
        )
        return [Facts("Freeze", values)]


def disturbance(workspace: Workspace) -> Facts:
    """When this workspace may be disturbed next, by which windows."""
    own = list(workspace.maintenance_windows.order_by("weekday", "opens"))
    shared = [] if own else list(MaintenanceWindow.objects.filter(workspace=None).order_by("weekday", "opens"))
    listed = "; ".join(map(_opens, own or shared)) or "any time"
    whose = "Its own windows" if own else "The fleet's windows" if shared else "Windows"
    return Facts("When changes may disturb it", ((whose, listed), ("Next opening", _next_opening(workspace))))


def freezes_of(workspace: Workspace) -> Table:
    """What is frozen now or later, the fleet's freezes too."""
    theirs = Q(workspace=None) | Q(workspace=workspace)
    found = Freeze.objects.filter(theirs, ends_at__gt=clock.now()).select_related("workspace").order_by("starts_at")
    shown = [(_whose(r.workspace), _holds(r), moment(r.starts_at), moment(r.ends_at), r.reason) for r in found[:SHOWN]]
    more = page_address(Freeze, "changelist")
    return Table("Freezes", ("Of", "Holds", "From", "Until", "Reason"), shown, "Nothing is frozen.", more=more)


def _whose(workspace: Workspace | None) -> str:
    return row_link(workspace, workspace.name) if workspace else FLEET


def _opens(row: MaintenanceWindow) -> str:
    return f"{day_name[row.weekday]} {row.opens:%H:%M} {row.time_zone}, {span(timedelta(minutes=row.minutes))}"


def _holds(row: Freeze) -> SafeString:
    now = clock.now()
    if row.ends_at <= now:
        return label("over")
    return label("now", WARNING) if row.starts_at <= now else label("later")


def _next_opening(workspace: Workspace) -> str:
    """A window that opens so much later, or what is open now."""
    opening = opening_for([workspace], expected_seconds=0)
    if opening.span is None:
        return label("never", WARNING)
    if not opening.is_now:
        return moment(opening.span.starts_at)
    return label("open now") if opening.span.ends_at != NEVER else "at any time"

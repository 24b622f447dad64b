"""Databases: what we want, what Azure shows, why it stands where it stands."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from controlplane.console import recent
from controlplane.console.charts import Chart, database_chart
from controlplane.console.display import (
    BAD,
    NOTHING,
    WARNING,
    copyable,
    document,
    moment,
    row_link,
    shortened,
    size,
    state,
)
from controlplane.console.emergencies import OF_DATABASE
from controlplane.console.hops import CHANGE
from controlplane.console.loads import elsewhere
from controlplane.console.pool_changes import MOVE
from controlplane.console.read_only import ReadOnlyPage
from controlplane.console.rehoming import TITLE, may_rehome, rehome_page
from controlplane.console.site import console
from controlplane.console.tables import Facts, Notice, Table
from controlplane.console.targets import name_of
from inventory.models import Database

ABSENT = "absent"


@admin.register(Database, site=console)
class DatabasePage(ReadOnlyPage):
    """Desired and observed side by side; links to pool, server, service, operations and audit events."""

    list_display = (
        "title",
        "service_link",
        "state_of",
        "tier",
        "size_of",
        "pool_link",
        "server_link",
        "seen",
        "region",
    )
    list_filter = ("status", "service_tier", "region", "observed_status")
    search_fields = ("azure_name", "service__name", "service__workspace__name", "=id")
    ordering = ("-created_at",)
    buttons = (OF_DATABASE,)
    planned = (MOVE, CHANGE)
    empty_means = "No service has asked for a database yet."

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.rehome_view)
        return [path("<path:object_id>/rehome/", page, name="inventory_database_rehome"), *super().get_urls()]

    def rehome_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Another server for it: the choice, the plan, and its application."""
        row = self._visible(request, object_id)
        return self._gone(request, object_id) if row is None else rehome_page(request, row, self.admin_site)

    def links(self, request: HttpRequest, row: Database) -> list[tuple[str, str]]:
        found = list(super().links(request, row))
        if may_rehome(request, row):
            found.append((reverse("console:inventory_database_rehome", args=[row.pk]), TITLE))
        return found

    def get_queryset(self, request: HttpRequest) -> QuerySet[Database]:
        rows: QuerySet[Database] = super().get_queryset(request)
        return rows.select_related("service__workspace", "pool", "server", "region")

    def title_of(self, row: Database) -> str:
        return f"Database of {name_of(row)}" if row.service_id else f"Database {shortened(row.azure_name)}"

    @display(description="database", ordering="azure_name")
    def title(self, row: Database) -> str:
        return shortened(row.azure_name)

    @display(description="service", ordering="service__workspace__name")
    def service_link(self, row: Database) -> str:
        return row_link(row.service, str(row.service)) if row.service else NOTHING

    @display(description="state", ordering="status")
    def state_of(self, row: Database) -> str:
        return state(row.status)

    @display(description="tier", ordering="service_tier")
    def tier(self, row: Database) -> str:
        return f"{row.get_service_tier_display()} {row.sku_name}".strip()

    @display(description="size", ordering="size_bytes")
    def size_of(self, row: Database) -> str:
        return size(row.size_bytes)

    @display(description="pool", ordering="pool__azure_name")
    def pool_link(self, row: Database) -> str:
        return row_link(row.pool)

    @display(description="server", ordering="server__azure_name")
    def server_link(self, row: Database) -> str:
        return row_link(row.server)

    @display(description="seen", ordering="observed_at")
    def seen(self, row: Database) -> str:
        return moment(row.seen_at, never="never")

    def notices(self, row: Database) -> list[Notice]:
        found = []
        if row.error_code or row.error_message:
            found.append(Notice(BAD, row.error_code or "Failed", row.error_message))
        if row.observed_status == ABSENT and row.status not in ("deleted", "creating", "deleting"):
            found.append(Notice(BAD, "Azure does not list it", "A complete listing of its server lacked it."))
        elif row.pool and row.observed_pool_name and row.observed_pool_name.lower() != row.pool.azure_name.lower():
            found.append(Notice(WARNING, "It stands in another pool", row.observed_pool_name))
        return found

    def facts(self, row: Database) -> list[Facts]:
        return [_place(row), _wanted(row), _seen(row), _life(row)]

    def charts(self, row: Database) -> list[Chart]:
        return [database_chart(row)]

    def tables(self, row: Database) -> list[Table]:
        return [
            *([elsewhere(row)] if row.pool_id and row.status != row.Status.DELETED else []),
            recent.operations("Operations", "Nothing was ever done to it.", target_key=row.key),
            _credentials(row),
            recent.events(f"target={row.key}", target=row.key),
        ]


def _place(row: Database) -> Facts:
    values = (
        ("Service", row_link(row.service, str(row.service)) if row.service else "none: it is warm"),
        ("State", state(row.status)),
        ("Pool", row_link(row.pool) if row.pool else "none: it stands alone"),
        ("Server", row_link(row.server)),
        ("Region", row_link(row.region, row.region.display_name)),
        ("Why here", document(row.placement, summary=str(row.placement.get("reason", "show")))),
    )
    return Facts("Place", values)


def _wanted(row: Database) -> Facts:
    values = (
        ("Size", size(row.size_bytes)),
        ("Tier", f"{row.get_service_tier_display()} {row.sku_name}".strip()),
        ("vCores of its own", row.vcores or NOTHING),
        ("vCores expected", f"{row.vcores_demanded:.3g}"),
        ("Point-in-time restore", f"{row.retention_days} days"),
        ("Backups kept", row.backup_redundancy),
    )
    return Facts("Wanted", values)


def _seen(row: Database) -> Facts:
    values = (
        ("Seen", moment(row.seen_at, never="never")),
        ("State", state(row.observed_status)),
        ("Pool", copyable(row.observed_pool_name)),
        ("SKU", row.observed_sku_name or NOTHING),
        ("Largest size", size(row.observed_max_size_bytes)),
        ("Tags", document(row.observed_tags)),
        ("ARM id", copyable(row.observed_arm_id)),
    )
    return Facts("Seen in Azure", values)


def _life(row: Database) -> Facts:
    values = (
        ("Azure name", copyable(row.azure_name)),
        ("Id", copyable(row.pk)),
        ("Created", moment(row.created_at)),
        ("Ready", moment(row.ready_at, never="not yet")),
        ("Deleted", moment(row.deleted_at)),
        ("Restorable until", moment(row.restorable_until)),
    )
    return Facts("Life", values)


def _credentials(row: Database) -> Table:
    rows = [
        (row_link(one, f"user {one.slot}"), state(one.status), copyable(one.stable_secret), moment(one.valid_until))
        for one in row.credentials.order_by("slot")
    ]
    headings = ("Credential", "State", "Secret that consumers read", "Valid until")
    return Table("Credentials", headings, rows, "No login has been issued for it yet.")

"""FHIR and DICOM services, and where the database of each stands."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest

from controlplane.console import recent
from controlplane.console.display import NOTHING, copyable, moment, row_link, size, state
from controlplane.console.read_only import ReadOnlyPage
from controlplane.console.site import console
from controlplane.console.tables import Facts, Table
from controlplane.console.undelete import UNDELETE
from inventory.models import Database, ServiceInstance


@admin.register(ServiceInstance, site=console)
class ServicePage(ReadOnlyPage):
    """A service and its databases, past ones included."""

    list_display = ("title", "kind", "state_of", "size_of", "pool_of", "region_of", "created", "deleted", "restorable")
    buttons = (UNDELETE,)
    list_filter = ("kind", ("workspace__region", admin.RelatedFieldListFilter))
    search_fields = ("name", "workspace__name", "workspace__display_name")
    ordering = ("workspace__name", "name")
    called = ("service", "services")
    empty_means = "No workspace has asked for a service yet."

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServiceInstance]:
        databases = Prefetch("databases", Database.objects.select_related("pool").order_by("-created_at"))
        rows: QuerySet[ServiceInstance] = super().get_queryset(request).select_related("workspace__region")
        return rows.prefetch_related(databases)

    @display(description="service", ordering="workspace__name")
    def title(self, row: ServiceInstance) -> str:
        return str(row)

    @display(description="state")
    def state_of(self, row: ServiceInstance) -> str:
        database = _database(row)
        return state(database.status) if database else NOTHING

    @display(description="size")
    def size_of(self, row: ServiceInstance) -> str:
        database = _database(row)
        return size(database.size_bytes) if database else NOTHING

    @display(description="pool")
    def pool_of(self, row: ServiceInstance) -> str:
        database = _database(row)
        return row_link(database.pool) if database else NOTHING

    @display(description="region", ordering="workspace__region")
    def region_of(self, row: ServiceInstance) -> str:
        return row.workspace.region.display_name

    @display(description="created", ordering="created_at")
    def created(self, row: ServiceInstance) -> str:
        return moment(row.created_at)

    @display(description="deleted", ordering="deleted_at")
    def deleted(self, row: ServiceInstance) -> str:
        return moment(row.deleted_at)

    @display(description="restorable until")
    def restorable(self, row: ServiceInstance) -> str:
        database = _database(row)
        return moment(database.restorable_until) if database else NOTHING

    def facts(self, row: ServiceInstance) -> list[Facts]:
        what = (
            ("Name", row.name),
            ("Kind", row.get_kind_display()),
            ("Workspace", row_link(row.workspace)),
            ("Signs in as", f"{row.entra_name} of Entra" if row.entra_name else "a user with a password"),
            ("Its client id", copyable(row.entra_client_id)),
        )
        until = row.databases.order_by("-created_at").values_list("restorable_until", flat=True).first()
        life = (
            ("Created", moment(row.created_at)),
            ("Deleted", moment(row.deleted_at)),
            ("Restorable until", moment(until)),
            ("Id", copyable(row.pk)),
        )
        return [Facts("Service", what), Facts("Life", life)]

    def tables(self, row: ServiceInstance) -> list[Table]:
        databases = list(row.databases.select_related("pool", "server"))
        keys = [database.key for database in databases]
        return [
            _databases(databases),
            recent.operations("Operations", "Nothing was ever done for this service.", target_key__in=keys),
            recent.events("", target__in=[*keys, f"service:{row.pk}"]),
        ]


def _database(service: ServiceInstance) -> Database | None:
    """The newest of its databases, from what the list has read ahead."""
    return next(iter(service.databases.all()), None)


def _databases(databases: list[Database]) -> Table:
    rows = [
        (row_link(one), state(one.status), size(one.size_bytes), row_link(one.pool), row_link(one.server))
        for one in databases
    ]
    return Table("Databases", ("Database", "State", "Size", "Pool", "Server"), rows, "It has never had a database.")

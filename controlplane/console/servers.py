"""Logical servers: endpoints, their pools, and when the observer last saw them."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.console import recent
from controlplane.console.cordons import CORDON, UNCORDON, status_of
from controlplane.console.display import BAD, NOTHING, WARNING, copyable, moment, page_address, row_link, state
from controlplane.console.emergencies import OF_SERVER
from controlplane.console.fullness import by_fullness, databases_bar, storage_bar
from controlplane.console.read_only import ReadOnlyPage
from controlplane.console.site import console
from controlplane.console.tables import Facts, Notice, Table
from inventory.models import ElasticPool, SqlServer


@admin.register(SqlServer, site=console)
class ServerPage(ReadOnlyPage):
    """A server, its pools, and what waits for it."""

    list_display = ("azure_name", "state_of", "region", "subscription", "databases", "vcores", "seen", "next_look")
    list_filter = ("status", "is_cordoned", "region", "subscription")
    search_fields = ("azure_name", "resource_group", "=id")
    ordering = ("azure_name",)
    buttons = (CORDON, UNCORDON, OF_SERVER)
    called = ("server", "servers")
    empty_means = "There is no server: the first one of a region is made when a pool needs it."

    def get_queryset(self, request: HttpRequest) -> QuerySet[SqlServer]:
        rows: QuerySet[SqlServer] = super().get_queryset(request).select_related("region", "subscription")
        return rows

    @display(description="state", ordering="status")
    def state_of(self, row: SqlServer) -> str:
        return status_of(row)

    @display(description="databases", ordering="databases_committed")
    def databases(self, row: SqlServer) -> int:
        return row.databases_committed

    @display(description="promised vCores", ordering="vcores_committed")
    def vcores(self, row: SqlServer) -> int:
        return row.vcores_committed

    @display(description="seen", ordering="observed_at")
    def seen(self, row: SqlServer) -> str:
        return moment(row.seen_at, never="never")

    @display(description="next look", ordering="observe_due_at")
    def next_look(self, row: SqlServer) -> str:
        return moment(row.observe_due_at)

    def notices(self, row: SqlServer) -> list[Notice]:
        found = []
        if row.error_code or row.error_message:
            found.append(Notice(BAD, row.error_code or "Failed", row.error_message))
        if row.is_cordoned:
            found.append(Notice(WARNING, "Closed to placement", "No new pool or database is placed here."))
        return found

    def facts(self, row: SqlServer) -> list[Facts]:
        return [_place(row), _access(row), _seen(row)]

    def tables(self, row: SqlServer) -> list[Table]:
        return [
            _pools(row),
            recent.operations("Operations on the server", "Nothing was ever done to it.", target_key=row.key),
            recent.locks(row.key),
            recent.events(f"target={row.key}", target=row.key),
        ]


def _place(row: SqlServer) -> Facts:
    values = (
        ("State", status_of(row)),
        ("Region", row_link(row.region, row.region.display_name)),
        ("Subscription", row_link(row.subscription, row.subscription.name)),
        ("Resource group", row.resource_group),
        ("Databases promised", row.databases_committed),
        ("vCores promised", row.vcores_committed),
        ("Azure name", copyable(row.azure_name)),
        ("Id", copyable(row.pk)),
    )
    return Facts("Server", values)


def _access(row: SqlServer) -> Facts:
    values = (
        ("Signs in by", "Entra only" if row.auth_mode == "entra_only" else "SQL login"),
        ("Administrator", row.administrator_login),
        ("Its secret's name", copyable(row.admin_secret_name)),
    )
    return Facts("Access", values)


def _seen(row: SqlServer) -> Facts:
    values = (
        ("Seen", moment(row.seen_at, never="never")),
        ("Next look", moment(row.observe_due_at)),
        ("State", state(row.observed_state)),
        ("Endpoint", row.observed_endpoint or NOTHING),
        ("Least TLS", row.observed_minimal_tls or NOTHING),
        ("Public access", row.observed_public_access or NOTHING),
    )
    return Facts("Seen in Azure", values)


def _pools(server: SqlServer) -> Table:
    found = by_fullness(server.pools.exclude(status="deleted"))[: recent.SHOWN]
    rows = [(row_link(one), state(one.status), storage_bar(one), databases_bar(one)) for one in found]
    more = f"{page_address(ElasticPool, 'changelist')}?server__id__exact={server.pk}"
    headings = ("Pool", "State", "Storage promised", "Databases")
    return Table("Pools, fullest first", headings, rows, "It has no pool.", more=more)

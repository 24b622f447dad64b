"""Elastic pools: how full they are, and who stands in them."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.console import recent
from controlplane.console.charts import Chart, pool_chart
from controlplane.console.cordons import CORDON, UNCORDON, status_of
from controlplane.console.display import (
    BAD,
    NOTHING,
    WARNING,
    copyable,
    moment,
    page_address,
    row_link,
    shortened,
    size,
    state,
)
from controlplane.console.fullness import FULLNESS, databases_bar, storage_bar, vcores_bar
from controlplane.console.loads import forecasts, load_facts
from controlplane.console.pool_changes import DELETE, DRAIN
from controlplane.console.read_only import ReadOnlyPage
from controlplane.console.site import console
from controlplane.console.tables import Facts, Notice, Table
from inventory.models import Database, ElasticPool


@admin.register(ElasticPool, site=console)
class PoolPage(ReadOnlyPage):
    """Fullest first."""

    list_display = ("title", "state_of", "sku", "storage", "databases_in", "vcores_in", "server_link", "region", "seen")
    list_filter = ("status", "is_cordoned", ("server__region", admin.RelatedFieldListFilter), "sku_name")
    search_fields = ("azure_name", "server__azure_name", "=id")
    ordering = (FULLNESS.desc(), "pk")
    buttons = (CORDON, UNCORDON, DELETE)
    planned = (DRAIN,)
    empty_means = "There is no pool: the first one is made when a database needs it."

    def get_queryset(self, request: HttpRequest) -> QuerySet[ElasticPool]:
        rows: QuerySet[ElasticPool] = super().get_queryset(request).select_related("server__region")
        return rows

    def title_of(self, row: ElasticPool) -> str:
        return f"Pool {shortened(row.azure_name)}"

    @display(description="pool", ordering="azure_name")
    def title(self, row: ElasticPool) -> str:
        return shortened(row.azure_name)

    @display(description="state", ordering="status")
    def state_of(self, row: ElasticPool) -> str:
        return status_of(row)

    @display(description="SKU", ordering="sku_name")
    def sku(self, row: ElasticPool) -> str:
        return f"{row.sku_name} × {row.vcores}"

    @display(description="storage promised", ordering=FULLNESS)
    def storage(self, row: ElasticPool) -> str:
        return storage_bar(row)

    @display(description="databases", ordering="databases_committed")
    def databases_in(self, row: ElasticPool) -> str:
        return databases_bar(row)

    @display(description="expected vCores", ordering="vcores_demanded")
    def vcores_in(self, row: ElasticPool) -> str:
        return vcores_bar(row)

    @display(description="server", ordering="server__azure_name")
    def server_link(self, row: ElasticPool) -> str:
        return row_link(row.server)

    @display(description="region", ordering="server__region")
    def region(self, row: ElasticPool) -> str:
        return row.server.region.display_name

    @display(description="seen", ordering="observed_at")
    def seen(self, row: ElasticPool) -> str:
        return moment(row.seen_at, never="never")

    def notices(self, row: ElasticPool) -> list[Notice]:
        found = []
        if row.error_code or row.error_message:
            found.append(Notice(BAD, row.error_code or "Failed", row.error_message))
        if row.is_cordoned:
            found.append(Notice(WARNING, "Closed to placement", "No new database is placed here."))
        return found

    def facts(self, row: ElasticPool) -> list[Facts]:
        use = (
            ("Storage promised", storage_bar(row)),
            ("Databases", databases_bar(row)),
            ("vCores expected", vcores_bar(row)),
        )
        return [_place(row), Facts("Room", use), load_facts(row), _wanted(row), _seen(row)]

    def charts(self, row: ElasticPool) -> list[Chart]:
        return [pool_chart(row)]

    def tables(self, row: ElasticPool) -> list[Table]:
        return [
            _databases(row),
            forecasts(row),
            recent.operations("Operations on the pool", "Nothing was ever done to it.", target_key=row.key),
            recent.locks(row.key),
            recent.events(f"target={row.key}", target=row.key),
        ]


def _place(row: ElasticPool) -> Facts:
    values = (
        ("State", status_of(row)),
        ("Server", row_link(row.server)),
        ("Region", row_link(row.server.region, row.server.region.display_name)),
        ("Azure name", copyable(row.azure_name)),
        ("Id", copyable(row.pk)),
        ("Created", moment(row.created_at)),
    )
    return Facts("Pool", values)


def _wanted(row: ElasticPool) -> Facts:
    values = (
        ("SKU", f"{row.sku_name}, {row.service_tier}"),
        ("vCores", row.vcores),
        ("Storage", size(row.max_size_bytes)),
        ("vCores a database", f"{row.per_database_min_vcores:g} to {row.per_database_max_vcores:g}"),
        ("Zone redundant", "yes" if row.is_zone_redundant else "no"),
    )
    return Facts("Wanted", values)


def _seen(row: ElasticPool) -> Facts:
    values = (
        ("Seen", moment(row.seen_at, never="never")),
        ("State", state(row.observed_state)),
        ("vCores", NOTHING if row.observed_vcores is None else row.observed_vcores),
        ("Storage", size(row.observed_max_size_bytes)),
        ("Databases", NOTHING if row.observed_databases is None else row.observed_databases),
    )
    return Facts("Seen in Azure", values)


def _databases(pool: ElasticPool) -> Table:
    found = pool.databases.exclude(status="deleted").select_related("service__workspace").order_by("-size_bytes")
    rows = [
        (row_link(one), row_link(one.service, str(one.service)), state(one.status), size(one.size_bytes))
        for one in found[: recent.SHOWN]
    ]
    more = f"{page_address(Database, 'changelist')}?pool__id__exact={pool.pk}"
    headings = ("Database", "Service", "State", "Size")
    return Table("Databases, largest first", headings, rows, "No database stands here.", more=more)

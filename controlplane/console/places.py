"""Where we may build: subscriptions and regions."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin import display

from controlplane.console.display import copyable, label, page_address, row_link, state
from controlplane.console.read_only import ReadOnlyPage
from controlplane.console.recent import SHOWN
from controlplane.console.site import console
from controlplane.console.tables import Facts, Table
from inventory.models import Region, SqlServer, Subscription


@admin.register(Subscription, site=console)
class SubscriptionPage(ReadOnlyPage):
    """Azure subscriptions that we may fill."""

    list_display = ("name", "identity", "resource_group", "is_open", "servers_per_region")
    ordering = ("name",)
    empty_means = "No subscription is known: nothing can be built."

    @display(description="subscription id", ordering="subscription_id")
    def identity(self, row: Subscription) -> str:
        return copyable(row.subscription_id)

    def facts(self, row: Subscription) -> list[Facts]:
        values = (
            ("Subscription id", copyable(row.subscription_id)),
            ("Resource group", row.resource_group),
            ("Takes new servers", label("open") if row.is_open else label("closed", "warning")),
            ("Servers a region", row.servers_per_region),
        )
        return [Facts("Subscription", values)]

    def tables(self, row: Subscription) -> list[Table]:
        return [_servers(row, f"subscription__subscription_id__exact={row.pk}")]


@admin.register(Region, site=console)
class RegionPage(ReadOnlyPage):
    """Azure regions, and what stands in them."""

    list_display = ("display_name", "name", "geography", "paired_with", "has_zones", "is_open")
    list_filter = ("is_open", "has_zones")
    ordering = ("display_name",)
    empty_means = "No region is known: nothing can be built."

    def facts(self, row: Region) -> list[Facts]:
        values = (
            ("Azure's name", row.name),
            ("Geography", row.geography),
            ("Paired with", row.paired_with or "none"),
            ("Availability zones", "yes" if row.has_zones else "no"),
            ("Takes new workspaces", label("open") if row.is_open else label("closed", "warning")),
        )
        return [Facts("Region", values)]

    def tables(self, row: Region) -> list[Table]:
        return [_servers(row, f"region__name__exact={row.pk}")]


def _servers(place: Subscription | Region, query: str) -> Table:
    found = place.servers.exclude(status="deleted").select_related("region").order_by("azure_name")[:SHOWN]
    rows = [(row_link(one), state(one.status), one.region.display_name, one.databases_committed) for one in found]
    more = f"{page_address(SqlServer, 'changelist')}?{query}"
    return Table("Servers", ("Server", "State", "Region", "Databases"), rows, "No server stands here.", more=more)

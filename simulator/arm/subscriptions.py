"""Subscriptions, their regions, and the usages of a region."""

from __future__ import annotations

from typing import Any

from simulator.arm.call import Call
from simulator.arm.errors import ArmError, not_found
from simulator.arm.routing import LOCATION, SUBSCRIPTION, route
from simulator.arm.server_load import region_total
from simulator.http import Response, answer
from simulator.regions import REGIONS, normalised


def _subscription(call: Call, subscription: str) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{subscription}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": subscription,
        "tenantId": call.arm.entra.tenant,
        "displayName": f"Simulated subscription {call.arm.subscriptions.index(subscription) + 1}",
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }


@route("GET", "/subscriptions")
def list_subscriptions(call: Call) -> Response:
    value = [_subscription(call, subscription) for subscription in call.arm.subscriptions]
    return answer(200, {"value": value, "count": {"type": "Total", "value": len(value)}})


@route("GET", SUBSCRIPTION)
def get_subscription(call: Call) -> Response:
    return answer(200, _subscription(call, call.names["subscription"].lower()))


@route("GET", SUBSCRIPTION + "/locations")
def list_locations(call: Call) -> Response:
    root = call.id(SUBSCRIPTION)
    value = [
        {
            "id": f"{root}/locations/{region.name}",
            "name": region.name,
            "type": "Region",
            "displayName": region.display_name,
            "regionalDisplayName": region.display_name,
            "metadata": {
                "regionType": "Physical",
                "regionCategory": "Recommended",
                "pairedRegion": [{"name": region.paired, "id": f"{root}/locations/{region.paired}"}],
            },
        }
        for region in REGIONS.values()
    ]
    return answer(200, {"value": value})


@route("GET", "/tenants")
def list_tenants(call: Call) -> Response:
    tenant = call.arm.entra.tenant
    return answer(200, {"value": [{"id": f"/tenants/{tenant}", "tenantId": tenant}]})


def server_location_collection(subscription: str, location: str) -> str:
    """The collection of a subscription's servers in a region, for its quota."""
    return f"/subscriptions/{subscription}/locations/{location}".lower()


def _usages(call: Call) -> list[dict[str, Any]]:
    """Names and ids repeat the region as the caller spelt it, as recorded."""
    asked, location = call.names["location"], normalised(call.names["location"])
    if location not in REGIONS:
        raise ArmError(400, "InvalidLocation", f"An invalid location was specified: '{call.names['location']}'.")
    collection = server_location_collection(call.names["subscription"], location)
    rows = [
        (
            "ServerQuota",
            f"Regional Server Quota for {asked}",
            call.arm.resources.count(collection, "servers"),
            call.arm.quotas.servers_per_region,
        ),
        (
            "RegionalVCoreQuotaForSQLDBAndDW",
            f"Regional VCore Quota for SQL DB and DW for {asked}",
            call.arm.resources.totals[region_total(call.names["subscription"], location)] // 100,
            call.arm.quotas.vcores_per_region,
        ),
        ("SubscriptionFreeDatabaseCount", f"Free Database Count per Subscription for {asked}", 0, 1),
        ("SubscriptionFreeDatabaseDaysLeft", f"Free to Basic Database Upgrade count-down in {asked}", 365, 365),
    ]
    return [_usage(call, asked, row) for row in rows]


def _usage(call: Call, location: str, row: tuple[str, str, int, int]) -> dict[str, Any]:
    name, display_name, value, limit = row
    return {
        "properties": {
            "displayName": display_name,
            "currentValue": float(value),
            "limit": float(limit),
            "unit": "Count",
        },
        "id": f"{call.id(SUBSCRIPTION)}/providers/Microsoft.Sql/locations/{location}/usages/{name}",
        "name": name,
        "type": "Microsoft.Sql/locations/usages",
    }


@route("GET", LOCATION + "/usages")
def list_usages(call: Call) -> Response:
    return answer(200, {"value": _usages(call)})


@route("GET", LOCATION + "/usages/{usage}")
def get_usage(call: Call) -> Response:
    for usage in _usages(call):
        if usage["name"].lower() == call.names["usage"].lower():
            return answer(200, usage)
    raise not_found("Microsoft.Sql/locations/usages", call.names["usage"])

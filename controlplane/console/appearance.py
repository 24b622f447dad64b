"""How the console looks and what its sidebar lists: settings of django-unfold."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _static(path: str) -> Any:
    """A local file's address, asked for when a page is made: files have names only once the settings are read."""

    def address(request: HttpRequest) -> str:
        return static(path)

    return address


def _item(title: str, icon: str, view: str, permission: str = "") -> dict[str, Any]:
    item: dict[str, Any] = {"title": title, "icon": icon, "link": reverse_lazy(f"console:{view}")}
    if permission:
        item["permission"] = lambda request: request.user.has_perm(permission)
    return item


def _rows(title: str, icon: str, model: str) -> dict[str, Any]:
    app, name = model.split(".")
    return _item(title, icon, f"{app}_{name}_changelist", f"{app}.view_{name}")


def _group(title: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "separator": True, "items": list(items)}


NAVIGATION = [
    {"items": [_item("Home", "monitor_heart", "index")]},
    _group(
        "Work",
        _rows("Operations", "sync_alt", "operations.operation"),
        _rows("Findings", "difference", "provisioning.finding"),
        _rows("Growth proposals", "trending_up", "provisioning.growthproposal"),
        _rows("Pool proposals", "aspect_ratio", "provisioning.poolproposal"),
        _rows("Rebalancing plans", "balance", "placement.rebalanceplan"),
        _item("Audit events", "receipt_long", "audit", "operations.view_auditevent"),
        _item("Emergency rotation", "emergency_home", "emergency", "rotation.view_credential"),
        _rows("Maintenance windows", "event_available", "inventory.maintenancewindow"),
        _rows("Freezes", "ac_unit", "inventory.freeze"),
        _rows("Schedules", "schedule", "django_celery_beat.periodictask"),
    ),
    _group(
        "Notifications",
        _rows("Inbox", "inbox", "notifications.notice"),
        _rows("Receivers", "webhook", "notifications.receiver"),
        _rows("Dead letters", "unsubscribe", "notifications.delivery"),
    ),
    _group(
        "Customers",
        _rows("Workspaces", "corporate_fare", "inventory.workspace"),
        _rows("Services", "deployed_code", "inventory.serviceinstance"),
        _rows("Databases", "database", "inventory.database"),
        _rows("Credentials", "key", "rotation.credential"),
    ),
    _group(
        "Fleet",
        _item("Fleet map", "grid_view", "fleet", "inventory.view_elasticpool"),
        _rows("Elastic pools", "stacks", "inventory.elasticpool"),
        _rows("Servers", "dns", "inventory.sqlserver"),
        _rows("Warm stocks", "local_fire_department", "provisioning.warmstock"),
        _rows("Regions", "public", "inventory.region"),
        _rows("Rebalancing rules", "rule", "placement.rebalancingrules"),
        _rows("Subscriptions", "credit_card", "inventory.subscription"),
    ),
]

# A calm blue: red, amber and green are kept for states.
PRIMARY = {
    "50": "oklch(97% .014 254.6)",
    "100": "oklch(93.2% .032 255.6)",
    "200": "oklch(88.2% .059 254.1)",
    "300": "oklch(80.9% .105 251.8)",
    "400": "oklch(70.7% .165 254.6)",
    "500": "oklch(62.3% .214 259.8)",
    "600": "oklch(54.6% .245 262.9)",
    "700": "oklch(48.8% .243 264.4)",
    "800": "oklch(42.4% .199 265.6)",
    "900": "oklch(37.9% .146 265.5)",
    "950": "oklch(28.2% .091 267.9)",
}

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "SQL Persistence Provider",
    "SITE_HEADER": "SQL Persistence",
    "SITE_SUBHEADER": "Operators' console",
    "SITE_SYMBOL": "database",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "COLORS": {"primary": PRIMARY},
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _static("console/icon.svg")}],
    "STYLES": [_static("console/console.css")],
    "SCRIPTS": [_static("console/console.js")],
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": NAVIGATION},
}

"""All pages: importing them registers them with the site."""

from __future__ import annotations

from controlplane.console import (
    calendars,
    credentials,
    databases,
    elastic_pools,
    findings,
    growth,
    notifications,
    operations,
    places,
    pool_size,
    rebalancing,
    receivers,
    schedules,
    servers,
    services,
    warm_stocks,
    workspaces,
)
from controlplane.console.site import console

__all__ = [
    "calendars",
    "console",
    "credentials",
    "databases",
    "elastic_pools",
    "findings",
    "growth",
    "notifications",
    "operations",
    "places",
    "pool_size",
    "rebalancing",
    "receivers",
    "schedules",
    "servers",
    "services",
    "warm_stocks",
    "workspaces",
]

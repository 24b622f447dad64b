"""Every address of the console."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from controlplane.console.display import page_address, row_address
from controlplane.console.pages import console


def models() -> list[Any]:
    return list(console._registry)


def lists() -> list[str]:
    return [page_address(model, "changelist") for model in models()]


def objects() -> list[str]:
    """The page of one row of each model that has any."""
    rows = [model._default_manager.first() for model in models()]
    return [row_address(row) for row in rows if row is not None]


def all_pages() -> list[str]:
    names = ("index", "audit", "emergency", "fleet")
    return [*(reverse(f"console:{name}") for name in names), *lists(), *objects()]

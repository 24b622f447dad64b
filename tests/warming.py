"""A stock of databases kept ready, for tests."""

from __future__ import annotations

from inventory.models import Database, Region, Workspace
from provisioning.models import WarmDatabase, WarmStock
from provisioning.warm.keeping import keep_stocks
from tests.builders import GIB
from tests.local_azure import LocalAzure, run_until_settled

KEPT = WarmDatabase.State.KEPT


def a_stock(region: Region, *, count: int = 1, **columns: object) -> WarmStock:
    """FHIR databases of 100 GiB, so many as are said."""
    defaults = {
        "name": f"{region.name}-fhir",
        "service_tier": Database.Tier.GENERAL_PURPOSE,
        "kind": "fhir",
        "size_bytes": 100 * GIB,
        "least": count,
        "most": max(count, 1),
    }
    return WarmStock.objects.create(region=region, **{**defaults, **columns})


def a_filled_stock(azure: LocalAzure, workspace: Workspace, *, count: int = 1, **columns: object) -> WarmStock:
    """Beside the workspace, with everything made."""
    stock = a_stock(workspace.region, count=count, **columns)
    keep_stocks()
    run_until_settled(azure)
    return stock

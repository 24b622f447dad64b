"""The states that databases are kept in here, and how Azure shows one."""

from __future__ import annotations

from itertools import product

from inventory.models import Database
from inventory.transitions import Backup, Home, State, Tier
from inventory.transitions.refusals import not_offered
from provisioning.changes.hops import is_kept
from tests.local_azure import LocalAzure

KEPT = [
    state
    for state in (State(*one) for one in product(Tier, Home, (False, True), Backup))
    if is_kept(state) and not_offered(state) is None
]


def state_in_azure(azure: LocalAzure, database: Database) -> tuple[str, str, bool, str]:
    """Tier, pool, whether its pool is zone redundant, and where its backups are."""
    body = next(r for r in azure.resources("databases") if r.name == database.azure_name).body
    pool = str(body["properties"].get("elasticPoolId", "")).rpartition("/")[2]
    zones = any(r.body["properties"]["zoneRedundant"] for r in azure.resources("elasticPools") if r.name == pool)
    return body["sku"]["tier"], pool, zones, body["properties"]["currentBackupStorageRedundancy"]

"""What a database of a stock is made like; of what was made otherwise, nothing is claimed any more."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from inventory.identifiers import azure_name, new_id
from inventory.models import Database
from operations import clock
from operations.models import Operation, Priority
from operations.services import submit
from placement.engine.sizing import vcores_for_hyperscale
from placement.snapshot import limits, policy
from provisioning.models import WarmDatabase, WarmStock

ACTOR = "system:warm"
RECIPE = 1  # raise it when the steps of a creation, or the rights of its users, change


def config_hash(stock: WarmStock) -> str:
    """Of everything that making one follows."""
    told = {
        "recipe": RECIPE,
        "tier": stock.service_tier,
        "size": stock.size_bytes,
        "limits": asdict(limits()),
        "backup": Database._meta.get_field("backup_redundancy").default,
        **asdict(sizes_of(stock)),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]


def make(stock: WarmStock) -> WarmDatabase:
    """One more: its rows, and the operation that creates it. In the caller's transaction."""
    row_id = new_id()
    database = Database.objects.create(
        id=row_id,
        region=stock.region,
        service_tier=stock.service_tier,
        size_bytes=stock.size_bytes,
        azure_name=azure_name("d", row_id),
        **asdict(sizes_of(stock)),
    )
    wish = {"kind": stock.kind, "size_bytes": stock.size_bytes, "stock": stock.name}
    submit("create_database", target=database.key, actor=ACTOR, wish=wish, priority=Priority.REBALANCING)
    return WarmDatabase.objects.create(
        database=database, stock=stock, config_hash=config_hash(stock), made_at=clock.now()
    )


def is_being_made(database: Database) -> bool:
    """Whether the operation that makes it goes on."""
    made_by = Operation.objects.filter(target_key=database.key, kind="create_database")
    return made_by.exclude(state__in=Operation.TERMINAL).exists()


@dataclass(frozen=True, slots=True)
class Sizes:
    """Columns of a database that follow from its size and kind."""

    sku_name: str
    vcores: int | None
    vcores_demanded: float


def sizes_of(stock: WarmStock) -> Sizes:
    rules, size = policy(), stock.size_bytes
    demanded = rules.expected_vcores(service_kind=stock.kind, storage_bytes=size)
    if stock.service_tier == Database.Tier.HYPERSCALE:
        return Sizes("HS_Gen5", vcores_for_hyperscale(size, rules), demanded)
    return Sizes("", None, demanded)

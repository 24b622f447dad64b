"""Who hears of a customer's key, and what: lost, still lost, cut off, back, put right, about to expire."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from inventory.models import Database
from notifications.services import tell
from operations import audit
from operations.models import Operation

ACTOR = "system:keys"


def tell_of_key(kind: str, database: Database, facts: Mapping[str, object]) -> None:
    """To the owners of the workspace and to operators; audited."""
    service = database.service
    workspace = service.workspace.name if service else ""
    told = {"service": service.name if service else database.azure_name, **facts}
    tell(kind, target=database.key, workspace=workspace, facts=told)
    audit.record(kind, actor=ACTOR, target=database.key, workspace=workspace, after=told)


def tell_repaired(operation: Operation, database: Database) -> None:
    tell_of_key("key.repaired", database, {"operation": str(operation.pk), "lost": "the history of its backups"})


def minutes(since: datetime, until: datetime) -> int:
    """Whole minutes that are left; none where it is over."""
    return max(0, int((until - since).total_seconds() // 60))

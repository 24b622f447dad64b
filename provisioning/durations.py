"""How long operations take: as they took here, or as configured while too few are known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from statistics import median
from typing import Any

from django.conf import settings

from operations.models import Operation

LOOKED_AT = 50  # the latest ones
ENOUGH = 5


def expected_seconds(kind: str) -> float:
    """Median of the latest ones of this kind that had nothing else made for them; a settled guess until there are some.

    Days in which one waited for its window are none in which it worked: those that needed one count from Azure's acceptance.
    """
    done = Operation.objects.filter(kind=kind, state=Operation.State.SUCCEEDED, children__isnull=True)
    rows = done.order_by("-created_at").values_list("started_at", "finished_at", "choices")[:LOOKED_AT]
    spans = [(end - _began(start, choices)).total_seconds() for start, end, choices in rows if start and end]
    return float(median(spans)) if len(spans) >= ENOUGH else _configured().get(kind, 0.0)


def _began(started_at: datetime, choices: Mapping[str, Any]) -> datetime:
    accepted_at = choices.get("accepted_at") if "window" in choices else None
    return datetime.fromisoformat(accepted_at) if accepted_at else started_at


def _configured() -> dict[str, float]:
    return {
        "create_server": settings.EXPECTED_SERVER_SECONDS,
        "create_pool": settings.EXPECTED_POOL_SECONDS,
        "create_database": settings.EXPECTED_DATABASE_SECONDS,
        "restore_database": settings.EXPECTED_RESTORE_SECONDS,
        "delete_database": settings.EXPECTED_REMOVAL_SECONDS,
        "grow_database": settings.EXPECTED_CHANGE_SECONDS,
        "move_database": settings.EXPECTED_CHANGE_SECONDS,
        "resize_pool": settings.EXPECTED_CHANGE_SECONDS,
        "delete_pool": settings.EXPECTED_REMOVAL_SECONDS,
        "issue_cast_credential": settings.EXPECTED_CREDENTIAL_SECONDS,
        "claim_database": settings.EXPECTED_CREDENTIAL_SECONDS,
        "revoke_credential": settings.EXPECTED_CREDENTIAL_SECONDS,
    }

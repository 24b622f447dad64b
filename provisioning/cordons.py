"""Closing a pool or a server to placement, and opening it again. What stands there stays."""

from __future__ import annotations

from django.db import transaction

from inventory.models import ElasticPool, SqlServer
from operations import audit


def cordon(row: ElasticPool | SqlServer, *, actor: str, reason: str) -> bool:
    """Let nothing new be placed here. False: it was closed already, and nothing is written."""
    return _set(row, closed=True, actor=actor, reason=reason)


def uncordon(row: ElasticPool | SqlServer, *, actor: str, reason: str) -> bool:
    """Let placement use it again. False: it was open already, and nothing is written."""
    return _set(row, closed=False, actor=actor, reason=reason)


@transaction.atomic
def _set(row: ElasticPool | SqlServer, *, closed: bool, actor: str, reason: str) -> bool:
    rows = type(row)._default_manager.filter(pk=row.pk, is_cordoned=not closed)
    if not rows.update(is_cordoned=closed):
        return False
    kind = row.key.partition(":")[0]
    audit.record(
        f"{kind}.{'cordoned' if closed else 'uncordoned'}",
        actor=actor,
        target=row.key,
        before={"is_cordoned": not closed},
        after={"is_cordoned": closed},
        reason=reason,
    )
    row.is_cordoned = closed
    return True

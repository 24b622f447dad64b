"""Buttons that close a pool or a server to placement, and open it again."""

from __future__ import annotations

from django.utils.safestring import SafeString

from controlplane.console.buttons import Button
from controlplane.console.display import WARNING, joined, label, state
from inventory.models import ElasticPool, SqlServer
from provisioning.cordons import cordon, uncordon

PERMISSION = "inventory.change_elasticpool"


def status_of(row: ElasticPool | SqlServer) -> SafeString:
    """Its status, and whether it is closed to placement."""
    return joined(state(row.status), label("cordoned", WARNING)) if row.is_cordoned else state(row.status)


def _cordon(row: ElasticPool | SqlServer, *, actor: str, reason: str) -> str:
    return "Closed to placement." if cordon(row, actor=actor, reason=reason) else "It was closed already."


def _uncordon(row: ElasticPool | SqlServer, *, actor: str, reason: str) -> str:
    return "Open to placement." if uncordon(row, actor=actor, reason=reason) else "It was open already."


CORDON = Button(
    name="cordon",
    title="Cordon",
    permission=PERMISSION,
    applies=lambda row: not row.is_cordoned and row.status != "deleted",
    act=_cordon,
    warns="Nothing new is placed here until it is opened again. What stands here stays.",
    icon="block",
)
UNCORDON = Button(
    name="uncordon",
    title="Uncordon",
    permission=PERMISSION,
    applies=lambda row: row.is_cordoned,
    act=_uncordon,
    warns="Placement may use it again, at once.",
    icon="lock_open",
)

"""Buttons that empty and remove a pool, and that move a database; what disturbs has to be confirmed by a name."""

from __future__ import annotations

from controlplane.console.buttons import Button
from inventory.models import Database, ElasticPool
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.pools import request_drain, request_move, request_pool_deletion

PERMISSION = "inventory.change_elasticpool"
DATABASE_PERMISSION = "inventory.change_database"


def _drain(row: ElasticPool, *, actor: str, reason: str) -> str:
    request_drain(row, actor=actor, reason=reason, consent=ACCEPTED)
    return "The pool is closed and being emptied."


def _delete(row: ElasticPool, *, actor: str, reason: str) -> str:
    request_pool_deletion(row, actor=actor)
    return "The pool is being removed."


def _move(row: Database, *, actor: str, reason: str) -> str:
    request_move(row, actor=actor, reason=reason, consent=ACCEPTED)
    return "The database moves to the best other pool of its server."


def _name(row: ElasticPool | Database) -> str:
    return row.azure_name


DRAIN = Button(
    name="drain",
    title="Drain",
    permission=PERMISSION,
    applies=lambda row: row.status == "ready" and row.databases_committed > 0,
    act=_drain,
    warns="It is closed to placement, then every database moves to another pool of the server. Each drops its connections "
    "once, for up to 30 seconds. Refused where one of them has no other place.",
    icon="output",
    is_dangerous=True,
    confirms=_name,
)
DELETE = Button(
    name="delete",
    title="Delete",
    permission=PERMISSION,
    applies=lambda row: row.status in ("ready", "failed") and not row.databases_committed,
    act=_delete,
    warns="The empty pool goes, here and in Azure. Nobody notices.",
    icon="delete",
    is_dangerous=True,
    confirms=_name,
)
MOVE = Button(
    name="move",
    title="Move",
    permission=DATABASE_PERMISSION,
    applies=lambda row: row.status == "ready" and row.pool_id is not None,
    act=_move,
    warns="It moves to another pool of its server. Connections drop once, for up to 30 seconds.",
    icon="move_up",
    is_dangerous=True,
    confirms=_name,
)

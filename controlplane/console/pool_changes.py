"""What empties and removes a pool, and moves a database: what disturbs is shown as a plan first, and confirmed by a name."""

from __future__ import annotations

from controlplane.console.buttons import Button
from controlplane.console.planned import Choice, Planned
from inventory.models import Database, ElasticPool
from provisioning.changes.consent import Consent
from provisioning.changes.plan import Plan
from provisioning.changes.pools import plan_drain, plan_move, request_drain, request_move, request_pool_deletion

PERMISSION = "inventory.change_elasticpool"
LOOK = "a look at the plan"
DATABASE_PERMISSION = "inventory.change_database"


def _plan_drain(row: ElasticPool, choice: Choice, *, actor: str) -> Plan:
    return plan_drain(row, actor=actor, reason=LOOK)


def _drain(row: ElasticPool, choice: Choice, *, actor: str, reason: str, consent: Consent) -> str:
    request_drain(row, actor=actor, reason=reason, consent=consent)
    return "The pool is closed and being emptied."


def _delete(row: ElasticPool, *, actor: str, reason: str) -> str:
    request_pool_deletion(row, actor=actor)
    return "The pool is being removed."


def _plan_move(row: Database, choice: Choice, *, actor: str) -> Plan:
    return plan_move(row, actor=actor, reason=LOOK)


def _move(row: Database, choice: Choice, *, actor: str, reason: str, consent: Consent) -> str:
    request_move(row, actor=actor, reason=reason, consent=consent)
    return "The database moves to the best other pool of its server."


def _name(row: ElasticPool | Database) -> str:
    return row.azure_name


DRAIN = Planned(
    name="drain",
    title="Drain",
    permission=PERMISSION,
    applies=lambda row: row.status == "ready" and row.databases_committed > 0,
    plan=_plan_drain,
    act=_drain,
    warns="It is closed to placement, then every database moves to another pool of the server.",
    icon="output",
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
MOVE = Planned(
    name="move",
    title="Move to another pool",
    permission=DATABASE_PERMISSION,
    applies=lambda row: row.status == "ready" and row.pool_id is not None,
    plan=_plan_move,
    act=_move,
    warns="It moves to another pool of its server.",
    icon="move_up",
    confirms=_name,
)

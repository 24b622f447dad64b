"""What operators and owners decide about plans and moves. Each is one legal move of a row's state, audited and told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from inventory.models import Region
from notifications import services as notifications
from operations import audit, clock
from operations.errors import OperationRefused
from operations.services import serialise
from placement.models import PlannedMove, RebalancePlan, RebalancingRules

State, Move = RebalancePlan.State, PlannedMove.State
OBJECTIONS_COUNT_DAYS = 90
VETO_HOLDS_DAYS = 90


class PlanOver(OperationRefused):
    """It was decided already, or replaced by a newer one."""

    code = "PlanOver"


class MoveOver(OperationRefused):
    """The move has begun, or will not be made."""

    code = "MoveOver"


class ObjectionsSpent(OperationRefused):
    """The workspace has put off or refused as many moves as its region allows."""

    code = "ObjectionsSpent"


class DeferralTooLong(OperationRefused):
    """Nobody may put a move off for so long; the message says for how long."""

    code = "DeferralTooLong"


@transaction.atomic
def approve(plan: RebalancePlan, *, actor: str, reason: str) -> RebalancePlan:
    """Have its moves made: owners are told now, and each begins when its notice is over. Raises PlanOver."""
    row = _held(plan, State.PROPOSED)
    rules = RebalancingRules.objects.get(region=row.region)
    due_at = clock.now() + timedelta(hours=rules.notice_hours)
    for move in row.moves.filter(state=Move.PLANNED).select_related("database"):
        PlannedMove.objects.filter(pk=move.pk).update(state=Move.TOLD, due_at=due_at)
        move.due_at = due_at
        tell_owner("rebalance.move_planned", move)
    return _decided(row, State.APPROVED, "rebalance.approved", actor=actor, reason=reason)


@transaction.atomic
def reject(plan: RebalancePlan, *, actor: str, reason: str) -> RebalancePlan:
    """Have none of its moves made that have not begun. Raises PlanOver."""
    row = _held(plan, *RebalancePlan.OPEN)
    drop_moves(row, reason="The plan was rejected.")
    return _decided(row, State.REJECTED, "rebalance.rejected", actor=actor, reason=reason)


def supersede(region: Region, *, actor: str) -> None:
    """A newer plan takes the place of one that nobody decided about."""
    for row in RebalancePlan.objects.select_for_update().filter(region=region, state=State.PROPOSED):
        drop_moves(row, reason="A newer plan was made.")
        _decided(row, State.SUPERSEDED, "rebalance.superseded", actor=actor, reason="A newer plan was made.")


@transaction.atomic
def accept(move: PlannedMove, *, actor: str) -> PlannedMove:
    """Its owner agrees: it need not wait for the end of its notice. Its window is waited for all the same. Raises MoveOver."""
    row = _held_move(move)
    return _decided_move(row, Move.ACCEPTED, "rebalance.move_accepted", actor=actor, due_at=clock.now())


@transaction.atomic
def defer(move: PlannedMove, until: datetime, *, actor: str, reason: str = "") -> PlannedMove:
    """Its owner puts it off: until then no plan moves the database. Raises MoveOver, ObjectionsSpent, DeferralTooLong."""
    row, rules = _objecting(move)
    longest = clock.now() + timedelta(days=rules.longest_deferral_days)
    if until > longest:
        raise DeferralTooLong(f"A move can be put off until {longest:%Y-%m-%d %H:%M} UTC at most.")
    return _decided_move(
        row, Move.DEFERRED, "rebalance.move_deferred", actor=actor, reason=reason, deferred_until=until
    )


@transaction.atomic
def veto(move: PlannedMove, *, actor: str, reason: str) -> PlannedMove:
    """Its owner refuses it: for 90 days no plan moves the database. Raises MoveOver, ObjectionsSpent."""
    row, _ = _objecting(move)
    until = clock.now() + timedelta(days=VETO_HOLDS_DAYS)
    return _decided_move(row, Move.VETOED, "rebalance.move_vetoed", actor=actor, reason=reason, deferred_until=until)


def objections_left(move: PlannedMove, rules: RebalancingRules) -> int:
    """How many moves the workspace of this one may still put off or refuse; a former holder of its name is another."""
    since, owner = clock.now() - timedelta(days=OBJECTIONS_COUNT_DAYS), move.database.service
    theirs = PlannedMove.objects.filter(database__service__workspace=owner.workspace_id if owner else None)
    return max(0, rules.objections - theirs.filter(deferred_until__isnull=False, decided_at__gt=since).count())


@transaction.atomic
def set_rules(region: Region, values: Mapping[str, Any], *, actor: str) -> RebalancingRules:
    """Change how a region's load is spread."""
    row = RebalancingRules.objects.select_for_update().get_or_create(region=region)[0]
    before = {name: getattr(row, name) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))
    audit.record("rebalancing.rules_set", actor=actor, target=row.key, before=before, after=dict(values))
    return row


@transaction.atomic
def resume(region: Region, *, actor: str, reason: str) -> RebalancingRules:
    """Let a halted region's load be spread again."""
    row = RebalancingRules.objects.select_for_update().get_or_create(region=region)[0]
    before = {"halted_because": row.halted_because}
    row.halted_at, row.halted_because = None, ""
    row.save(update_fields=["halted_at", "halted_because"])
    audit.record("rebalancing.resumed", actor=actor, target=row.key, before=before, reason=reason)
    return row


def halt(rules: RebalancingRules, *, because: str, actor: str) -> None:
    """Begin no more moves in the region, and tell its operators. The caller's transaction makes it true."""
    updated = RebalancingRules.objects.filter(pk=rules.pk, halted_at__isnull=True)
    if not updated.update(halted_at=clock.now(), halted_because=because):
        return
    audit.record("rebalancing.halted", actor=actor, target=rules.key, reason=because)
    facts = {"region": rules.region_id, "reason": because}
    notifications.tell("rebalance.halted", target=rules.key, facts=facts)
    for plan in RebalancePlan.objects.select_for_update().filter(region=rules.region_id, state__in=RebalancePlan.OPEN):
        drop_moves(plan, reason="The region was halted.")
        _decided(plan, State.HALTED, "rebalance.halted", actor=actor, reason=because)


def drop_moves(plan: RebalancePlan, *, reason: str) -> None:
    """None of its moves begins any more; owners who were told of theirs hear so."""
    for move in plan.moves.filter(state__in=PlannedMove.OPEN).select_related("database"):
        PlannedMove.objects.filter(pk=move.pk).update(state=Move.DROPPED, reason=reason, ended_at=clock.now())
        if move.state != Move.PLANNED:
            tell_owner("rebalance.move_dropped", move, reason=reason)


def tell_owner(kind: str, move: PlannedMove, **more: object) -> None:
    """The database's owner hears of it; a warm one has none. Nothing is said of neighbours."""
    if not move.workspace:
        return
    facts = {
        "service": move.service,
        "move": str(move.pk),
        "begins_at": move.due_at.isoformat() if move.due_at else None,
        **more,
    }
    notifications.tell(kind, target=move.database.key, workspace=move.workspace, facts=facts)


def tell_operators(kind: str, plan: RebalancePlan, **more: object) -> None:
    """Operators hear of a plan."""
    facts = {
        "plan": str(plan.pk),
        "region": plan.region_id,
        "before": round(plan.overage_before, 2),
        "after": round(plan.overage_after, 2),
        **more,
    }
    notifications.tell(kind, target=plan.key, facts=facts)


def _held(plan: RebalancePlan, *states: str) -> RebalancePlan:
    serialise(f"rebalancing:{plan.region_id}")
    row = RebalancePlan.objects.select_for_update().get(pk=plan.pk)
    if row.state not in states:
        raise PlanOver(f"The plan is {row.state}.")
    return row


def _decided(row: RebalancePlan, state: str, action: str, *, actor: str, reason: str) -> RebalancePlan:
    before = {"state": row.state}
    row.state, row.decided_by, row.decided_because = state, actor, reason
    if state not in RebalancePlan.OPEN:
        row.ended_at = clock.now()
    row.save(update_fields=["state", "decided_by", "decided_because", "ended_at"])
    audit.record(action, actor=actor, target=row.key, before=before, after={"state": state}, reason=reason)
    return row


def _held_move(move: PlannedMove) -> PlannedMove:
    row = (
        PlannedMove.objects.select_for_update(of=("self",)).select_related("plan", "database__service").get(pk=move.pk)
    )
    if row.state not in (Move.TOLD, Move.ACCEPTED):
        raise MoveOver(f"The move is {row.state}.")
    return row


def _objecting(move: PlannedMove) -> tuple[PlannedMove, RebalancingRules]:
    """The move, held, while its workspace may still object; one objection at a time."""
    serialise(f"objections:{move.workspace}")
    row = _held_move(move)
    rules = RebalancingRules.objects.get(region=row.plan.region_id)
    if not objections_left(row, rules):
        text = f"{rules.objections} moves in {OBJECTIONS_COUNT_DAYS} days can be put off or refused; all were."
        raise ObjectionsSpent(text)
    return row, rules


def _decided_move(
    row: PlannedMove, state: str, action: str, *, actor: str, reason: str = "", **columns: datetime
) -> PlannedMove:
    before = {"state": row.state}
    row.state, row.decided_by, row.decided_at, row.reason = state, actor, clock.now(), reason
    for name, value in columns.items():
        setattr(row, name, value)
    row.save(update_fields=["state", "decided_by", "decided_at", "reason", *columns])
    audit.record(
        action,
        actor=actor,
        target=row.database.key,
        workspace=row.workspace,
        before=before,
        after={"state": state, "move": str(row.pk)},
        reason=reason,
    )
    return row


def open_moves(rules: RebalancingRules) -> Q:
    """Moves of approved plans that may begin: accepted, or told long enough ago."""
    mine = Q(plan__region=rules.region_id, plan__state=State.APPROVED, state__in=(Move.TOLD, Move.ACCEPTED))
    return mine & Q(due_at__lte=clock.now())

"""What became of moves: they end, pools settle, and what was predicted is held against what was measured."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import structlog
from django.db import connection, transaction
from django.db.models import Max

from inventory.models import Database
from operations import audit, clock
from placement.borrowing import unpacked
from placement.engine.usage import Floats
from placement.models import Meter, PlannedMove, PlannedPool, RebalancePlan, RebalancingRules
from placement.rebalancing import deciding
from placement.sampling.slots import SLOTS_AN_HOUR, hour_of, slot_of, week_hour

log = structlog.get_logger(__name__)

ACTOR = "system:rebalancing"
State, Move = RebalancePlan.State, PlannedMove.State
AS_PREDICTED, DIFFERS = "as predicted", "differs"
OTHERS_CAME, NOT_SEEN = "others came or went", "hardly anything was seen"
FAILURES = 2  # moves of one plan that fail before it is halted
MEASURE = """
SELECT s.slot, s.vcores FROM placement_sample s JOIN placement_meter m ON m.id = s.meter_id
WHERE m.resource = %s AND s.slot >= %s AND s.slot < %s AND s.vcores IS NOT NULL ORDER BY s.slot
"""


class Seen(NamedTuple):
    """Means over the same slots, in vCores, and how many slots."""

    predicted: float
    measured: float
    slots: int


@transaction.atomic
def begun(move: PlannedMove, operation_id: object) -> None:
    """An operation makes the move."""
    PlannedMove.objects.filter(pk=move.pk).update(state=Move.RUNNING, operation_id=operation_id, begun_at=clock.now())


@transaction.atomic
def ended(move: PlannedMove, *, succeeded: bool, reason: str = "") -> None:
    """Its operation is over. A plan whose moves keep failing is halted; one without any left to make is done."""
    state = Move.DONE if succeeded else Move.FAILED
    if not PlannedMove.objects.filter(pk=move.pk, state=Move.RUNNING).update(
        state=state, reason=reason, ended_at=clock.now()
    ):
        return
    move.refresh_from_db()
    if succeeded:
        deciding.tell_owner("rebalance.moved", move)
    plan = RebalancePlan.objects.select_for_update().get(pk=move.plan_id)
    if plan.state == State.APPROVED and plan.moves.filter(state=Move.FAILED).count() >= FAILURES:
        rules = RebalancingRules.objects.get(region=plan.region_id)
        deciding.halt(rules, because=f"{FAILURES} moves of one plan failed, the last with: {reason}.", actor=ACTOR)


@transaction.atomic
def finish_plans() -> int:
    """End the approved plans of which no move is open or running. Returns how many."""
    busy = PlannedMove.objects.filter(state__in=(*PlannedMove.OPEN, Move.RUNNING)).values("plan")
    rows = RebalancePlan.objects.select_for_update().filter(state=State.APPROVED).exclude(pk__in=busy)
    for plan in rows:
        plan.state, plan.ended_at, plan.measured_from = State.DONE, clock.now(), _azures_now(plan)
        plan.save(update_fields=["state", "ended_at", "measured_from"])
        made = plan.moves.filter(state=Move.DONE).count()
        audit.record("rebalance.done", actor=ACTOR, target=plan.key, after={"moves": made})
    return len(rows)


def _azures_now(plan: RebalancePlan) -> datetime:
    """How far samples of its pools reach: what is measured of the plan comes after that."""
    meters = Meter.objects.filter(resource__in=plan.pools.values("pool"))
    known: datetime | None = meters.aggregate(last=Max("sampled_until"))["last"]
    return known or clock.database_now()


def measure_due() -> int:
    """Judge the plans whose time to be measured is over. Returns how many."""
    waiting = RebalancePlan.objects.filter(state=State.DONE, measured_at__isnull=True, measured_from__isnull=False)
    return sum(_measure(plan) for plan in waiting.select_related("region"))


@transaction.atomic
def _measure(plan: RebalancePlan) -> int:
    rules = RebalancingRules.objects.get(region=plan.region)
    assert plan.measured_from is not None
    until = plan.measured_from + timedelta(hours=rules.measure_hours)
    if _azures_now(plan) < until:
        return 0
    if not RebalancePlan.objects.filter(pk=plan.pk, measured_at__isnull=True).update(measured_at=clock.now()):
        return 0
    made = list(plan.moves.filter(state=Move.DONE))
    outcomes = [_judge(row, made, (plan.measured_from, until), rules) for row in plan.pools.select_related("pool")]
    told = {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}
    audit.record("rebalance.measured", actor=ACTOR, target=plan.key, after=told)
    deciding.tell_operators("rebalance.measured", plan, as_predicted=outcomes.count(AS_PREDICTED), pools=len(outcomes))
    if outcomes.count(DIFFERS) * 2 > outcomes.count(DIFFERS) + outcomes.count(AS_PREDICTED):
        because = f"{outcomes.count(DIFFERS)} of {len(outcomes)} pools are not as plan {plan.pk} had predicted."
        deciding.halt(rules, because=because, actor=ACTOR)
    return 1


def _judge(row: PlannedPool, made: list[PlannedMove], span: tuple[datetime, datetime], rules: RebalancingRules) -> str:
    """What was measured of one pool, against what was predicted for the moves that were made."""
    came = [move for move in made if move.target_id == row.pool_id]
    went = [move for move in made if move.source_id == row.pool_id]
    profile = unpacked(row.profile) + _sum(came) - _sum(went)
    seen = _seen(row, profile, span)
    stand = Database.objects.filter(pool=row.pool_id, holds_room=True).count()
    row.outcome = _verdict(row, seen, rules, as_planned=stand == row.databases + len(came) - len(went))
    row.predicted_mean, row.measured_mean = (seen.predicted, seen.measured) if seen.slots else (None, None)
    row.save(update_fields=["predicted_mean", "measured_mean", "outcome"])
    return row.outcome


def _verdict(row: PlannedPool, seen: Seen, rules: RebalancingRules, *, as_planned: bool) -> str:
    if seen.slots < SLOTS_AN_HOUR * rules.measure_hours / 2:
        return NOT_SEEN
    if not as_planned:
        return OTHERS_CAME
    away = abs(seen.measured - seen.predicted) / row.pool.vcores
    return AS_PREDICTED if away * 100 <= rules.tolerance_percent else DIFFERS


def _sum(moves: list[PlannedMove]) -> Floats | float:
    return sum((unpacked(move.profile) for move in moves), start=np.zeros(1))


def _seen(row: PlannedPool, profile: Floats, span: tuple[datetime, datetime]) -> Seen:
    with connection.cursor() as cursor:
        cursor.execute(MEASURE, [row.pool_id, *span])
        found = cursor.fetchall()
    if not found:
        return Seen(0.0, 0.0, 0)
    hours = [week_hour(hour_of(slot_of(slot))) for slot, _ in found]
    return Seen(float(profile[hours].mean()), float(np.mean([vcores for _, vcores in found])), len(found))

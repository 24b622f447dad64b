"""Plans: what is to move in a region, why, and how good that is. Computing one changes nothing but our rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog
from django.db import transaction

from inventory.models import Region
from operations import audit, clock
from operations.errors import OperationRefused
from operations.services import serialise
from placement.borrowing import packed
from placement.engine.rebalance.relief import Relief, relieve
from placement.engine.usage import together
from placement.models import PlannedMove, PlannedPool, RebalancePlan, RebalancingRules
from placement.rebalancing import deciding
from placement.rebalancing.terrain import Ground, grounds

log = structlog.get_logger(__name__)

ACTOR = "system:rebalancing"
State, Mode = RebalancePlan.State, RebalancingRules.Mode
NOTHING_OVER = "No pool needs more than its level."


class PlanUnderWay(OperationRefused):
    """An approved plan of the region has not ended; it is ended, or rejected, before another is made."""

    code = "PlanUnderWay"


class RegionHalted(OperationRefused):
    """Outcomes differed from predictions; an operator has to look first."""

    code = "RegionHalted"


def rules_of(region: Region) -> RebalancingRules:
    """The region's rules; advice alone unless operators have said otherwise."""
    return RebalancingRules.objects.get_or_create(region=region)[0]


def plan_due() -> int:
    """Look for a plan in every region whose time has come; where rules say so, approve it. Returns how many were made."""
    regions = Region.objects.filter(servers__pools__load__isnull=False).distinct()
    return sum(_plan_if_due(region) for region in regions.order_by("pk"))


@transaction.atomic
def _plan_if_due(region: Region) -> int:
    serialise(f"rebalancing:{region.pk}")
    rules, at = rules_of(region), clock.now()
    is_due = rules.planned_at is None or rules.planned_at + timedelta(hours=rules.plan_every_hours) <= at
    under_way = RebalancePlan.objects.filter(region=region, state=State.APPROVED).exists()
    if rules.mode == Mode.OFF or rules.halted_at or under_way or not is_due:
        return 0
    RebalancingRules.objects.filter(pk=rules.pk).update(planned_at=at)
    reliefs = _reliefs(rules, hot_only=True)
    if not any(relief.steps for _, relief in reliefs):
        return 0
    plan = _store(region, reliefs, rules, actor=ACTOR)
    if rules.mode == Mode.ACT:
        deciding.approve(plan, actor=ACTOR, reason="The region's rules say so.")
    return 1


@transaction.atomic
def compute(region: Region, *, actor: str) -> RebalancePlan:
    """A plan by hand, for every pool above its level now, whether or not it has been for long.

    Where nothing is to move, or can, the plan is idle and says why. Raises PlanUnderWay, RegionHalted.
    """
    serialise(f"rebalancing:{region.pk}")
    rules = rules_of(region)
    if rules.halted_at:
        raise RegionHalted(f"Halted: {rules.halted_because} Resume the region first.")
    if RebalancePlan.objects.filter(region=region, state=State.APPROVED).exists():
        raise PlanUnderWay("A plan of this region was approved and has not ended.")
    return _store(region, _reliefs(rules, hot_only=False), rules, actor=actor)


def _reliefs(rules: RebalancingRules, *, hot_only: bool) -> list[tuple[Ground, Relief]]:
    found, left = [], rules.most_moves
    for ground in grounds(rules, clock.now(), hot_only=hot_only):
        relief = relieve(ground.terrain, most_moves=left)
        left -= len(relief.steps)
        found.append((ground, relief))
    return found


def _store(
    region: Region, reliefs: Sequence[tuple[Ground, Relief]], rules: RebalancingRules, *, actor: str
) -> RebalancePlan:
    now, moves = clock.now(), sum(len(relief.steps) for _, relief in reliefs)
    deciding.supersede(region, actor=actor)
    plan = RebalancePlan.objects.create(
        region=region,
        state=State.PROPOSED if moves else State.IDLE,
        overage_before=sum(relief.overage_before for _, relief in reliefs),
        overage_after=sum(relief.overage_after for _, relief in reliefs),
        bound=sum(relief.bound for _, relief in reliefs),
        fewest_moves=sum(relief.fewest_moves for _, relief in reliefs),
        reason=_reason(reliefs),
        created_by=actor,
        created_at=now,
        ended_at=None if moves else now,
    )
    for ground, relief in reliefs:
        _store_ground(plan, ground, relief)
    facts = {"region": region.pk, "moves": moves, "overage_before": plan.overage_before}
    audit.record("rebalance.planned", actor=actor, target=plan.key, after={**facts, "bound": plan.bound})
    if moves:
        deciding.tell_operators("rebalance.planned", plan, moves=moves)
    log.info("rebalance.planned", region=region.pk, moves=moves)
    return plan


def _reason(reliefs: Sequence[tuple[Ground, Relief]]) -> str:
    """Why no more is done, in words for operators."""
    told = [
        f"Pool {ground.pools[pool].azure_name}: {reason}."
        for ground, relief in reliefs
        for pool, reason in relief.reasons
    ]
    return " ".join(told) if reliefs else NOTHING_OVER


def _store_ground(plan: RebalancePlan, ground: Ground, relief: Relief) -> None:
    first = plan.moves.count()
    PlannedMove.objects.bulk_create(
        PlannedMove(
            plan=plan,
            position=first + number,
            database=(row := ground.databases[step.database]),
            source=ground.pools[step.source],
            target=ground.pools[step.target],
            workspace=row.service.workspace.name if row.service else "",
            service=row.service.name if row.service else "",
            gain=step.gain,
            copied_gb=row.size_bytes / 2**30,
            source_after=step.source_after,
            target_after=step.target_after,
            profile=packed(ground.loads.profile[step.database]),
        )
        for number, step in enumerate(relief.steps)
    )
    terrain = ground.terrain
    before = together(terrain.loads, terrain.pool, pools=len(ground.pools), risk=terrain.risk)
    touched = {pool for step in relief.steps for pool in (step.source, step.target)}
    left_over = {pool for pool, _ in relief.reasons}
    PlannedPool.objects.bulk_create(
        PlannedPool(
            plan=plan,
            pool=ground.pools[pool],
            level=terrain.level[pool],
            need_before=relief.before[pool],
            need_after=relief.after[pool],
            profile=packed(before.profile[pool]),
            databases=int((terrain.pool == pool).sum()),
        )
        for pool in sorted(touched | left_over)
    )

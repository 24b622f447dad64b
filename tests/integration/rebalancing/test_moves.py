"""Approved moves become operations in Azure, and what was predicted is held against what is measured."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from inventory.models import Database, ElasticPool, Freeze, Workspace
from operations import clock
from operations.models import Operation, OutboxEvent
from placement.models import PlannedMove, RebalancePlan, RebalancingRules
from placement.rebalancing import deciding, outcomes
from provisioning import rebalancing
from tests.crowded import Crowded, begun, crowded_azure, notice_is_over, states
from tests.local_azure import LocalAzure, run_until_settled, work
from tests.measured_fleet import a_meter, sampled

HOUR = timedelta(hours=1)


@pytest.fixture
def crowded(azure: LocalAzure) -> Crowded:
    return crowded_azure(azure)[1]


def carried_out(crowded: Crowded, azure: LocalAzure) -> RebalancePlan:
    plan = deciding.approve(crowded.plan(), actor="alice", reason="Good.")
    notice_is_over()
    assert begun() == 1
    run_until_settled(azure)
    rebalancing.follow()
    outcomes.finish_plans()
    plan.refresh_from_db()
    return plan


def judged(plan: RebalancePlan, *, means: dict[ElasticPool, float]) -> RebalancePlan:
    """A day later, with pools that used so many vCores all the time."""
    since = datetime.fromisoformat("2026-11-17T00:00:00+00:00")
    RebalancePlan.objects.filter(pk=plan.pk).update(measured_from=since)
    for pool, vcores in means.items():
        sampled(pool, np.full(289, vcores), since=since)
    assert outcomes.measure_due() == 1
    plan.refresh_from_db()
    return plan


def test_an_approved_move_is_made_where_the_plan_said(crowded: Crowded, azure: LocalAzure):
    plan = carried_out(crowded, azure)
    move = plan.moves.select_related("database").get()
    operation = Operation.objects.get(pk=move.operation_id)
    assert (operation.kind, operation.state, operation.priority) == ("move_database", "succeeded", 40)
    assert move.database.pool_id == crowded.second.pk
    assert (plan.state, states(plan)) == ("done", ["done"])
    assert OutboxEvent.objects.filter(kind="rebalance.moved", workspace=move.workspace).count() == 1


def test_a_move_whose_target_has_filled_up_fails_and_nobody_stands_elsewhere(crowded: Crowded, azure: LocalAzure):
    plan = deciding.approve(crowded.plan(), actor="alice", reason="Good.")
    ElasticPool.objects.filter(pk=crowded.second.pk).update(vcores_demanded=15.9)
    notice_is_over()
    assert begun() == 1
    run_until_settled(azure)
    rebalancing.follow()
    move = plan.moves.select_related("database").get()
    assert (move.state, move.reason, move.database.pool_id) == ("failed", "TargetFull", crowded.first.pk)


def test_a_database_that_stands_elsewhere_by_now_is_not_moved(crowded: Crowded):
    plan = deciding.approve(crowded.plan(), actor="alice", reason="Good.")
    Database.objects.filter(pk=plan.moves.get().database_id).update(pool=crowded.second)
    notice_is_over()
    assert begun() == 0
    assert states(plan) == ["dropped"]


def test_a_plan_is_measured_and_found_as_predicted(crowded: Crowded, azure: LocalAzure):
    plan = carried_out(crowded, azure)
    a_meter(crowded.second)
    rows = {row.pool_id: row for row in plan.pools.all()}
    plan = judged(plan, means={row.pool: row.need_after for row in rows.values()})
    assert {row.outcome for row in plan.pools.all()} == {outcomes.AS_PREDICTED}
    assert not RebalancingRules.objects.get().halted_at
    measured = {row.pool_id: row.measured_mean for row in plan.pools.all()}
    assert measured[crowded.first.pk] == pytest.approx(rows[crowded.first.pk].need_after, rel=0.05)


def test_a_region_halts_itself_where_outcomes_differ(crowded: Crowded, azure: LocalAzure):
    plan = judged(carried_out(crowded, azure), means={crowded.first: 7.9, crowded.second: 0.0})
    assert {row.outcome for row in plan.pools.all()} == {outcomes.DIFFERS}
    assert RebalancingRules.objects.get().halted_at is not None
    assert OutboxEvent.objects.filter(kind="rebalance.halted", workspace="").count() == 1


def test_a_pool_into_which_others_came_cannot_be_compared(crowded: Crowded, azure: LocalAzure):
    plan = carried_out(crowded, azure)
    Database.objects.filter(pk=Database.objects.filter(pool=crowded.first).first().pk).update(holds_room=False)
    plan = judged(plan, means={crowded.first: 7.9, crowded.second: 0.0})
    assert outcomes.OTHERS_CAME in {row.outcome for row in plan.pools.all()}


def test_a_plan_whose_moves_keep_failing_is_halted(crowded: Crowded):
    deciding.set_rules(crowded.first.server.region, {"mode": "act"}, actor="alice")
    plan = deciding.approve(crowded.plan(), actor="alice", reason="Good.")
    first = plan.moves.get()
    PlannedMove.objects.create(
        plan=plan,
        position=9,
        database=crowded.crowd[-1],
        source=crowded.first,
        target=crowded.second,
        state="failed",
        gain=1,
        copied_gb=1,
        source_after=1,
        target_after=1,
        profile=b"",
    )
    PlannedMove.objects.filter(pk=first.pk).update(state="running", begun_at=clock.now())
    outcomes.ended(first, succeeded=False, reason="TargetFull")
    assert RebalancingRules.objects.get().halted_because.startswith("2 moves of one plan failed")


def test_a_move_waits_for_its_owners_freeze_to_end(crowded: Crowded):
    plan = deciding.approve(crowded.plan(), actor="alice", reason="Good.")
    notice_is_over()
    now, owner = clock.now(), Workspace.objects.get(name=plan.moves.get().workspace)
    Freeze.objects.create(workspace=owner, starts_at=now - HOUR, ends_at=now + 5 * HOUR, reason="We go live.")
    assert begun() == 1
    for _ in range(6):
        work()
    operation = Operation.objects.get(kind="move_database")
    assert (operation.step, operation.waits_on) == ("await_window", f"window:{owner.name}")
    assert states(plan) == ["running"]

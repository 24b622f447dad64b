"""Plans: what they hold, who decides about them, and what is left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory.models import ElasticPool
from operations import clock
from operations.models import AuditEvent, OutboxEvent
from operations.services import submit
from placement import pool_loads
from placement.models import PlannedMove, PoolLoad, RebalancePlan
from placement.rebalancing import deciding, planning
from provisioning import rebalancing
from tests.crowded import Crowded, begun, crowded_rows, notice_is_over, states
from tests.measured_fleet import MONDAY, folded, measured

pytestmark = pytest.mark.django_db


@pytest.fixture
def crowded(db: None) -> Crowded:
    return crowded_rows()


def test_a_plan_names_moves_gains_states_bound_and_gap(crowded: Crowded):
    plan = crowded.plan()
    assert (plan.state, plan.created_by) == ("proposed", "alice")
    (move,) = plan.moves.all()
    assert (move.source, move.target, move.state) == (crowded.first, crowded.second, "planned")
    assert plan.overage_before > 0.5
    assert (plan.overage_after, plan.bound, plan.gap, plan.fewest_moves) == (0, 0, 0, 1)
    assert move.gain == pytest.approx(plan.overage_before)
    levels = {row.pool_id: (row.need_before > row.level, row.need_after > row.level) for row in plan.pools.all()}
    assert levels == {crowded.first.pk: (True, False), crowded.second.pk: (False, False)}
    assert OutboxEvent.objects.filter(kind="rebalance.planned", workspace="").count() == 1
    assert not OutboxEvent.objects.filter(kind="rebalance.move_planned").exists(), "nobody decided yet"


def test_a_fleet_at_ease_gets_an_idle_plan_that_says_why(crowded: Crowded):
    measured(dict.fromkeys(crowded.crowd, 0.1))
    folded(MONDAY + timedelta(hours=1))
    pool_loads.refresh_all()
    plan = crowded.plan()
    assert (plan.state, plan.reason) == ("idle", planning.NOTHING_OVER)


def test_approval_tells_owners_of_their_own_move_and_nothing_of_others(crowded: Crowded):
    plan = deciding.approve(crowded.plan(), actor="alice", reason="Good.")
    told = OutboxEvent.objects.get(kind="rebalance.move_planned")
    move = plan.moves.get()
    assert told.workspace == move.workspace
    assert set(told.data) == {"service", "move", "begins_at"}
    assert (move.state, move.due_at > clock.now() + timedelta(hours=23)) == ("told", True)
    assert AuditEvent.objects.filter(action="rebalance.approved", actor="alice", reason="Good.").exists()
    with pytest.raises(deciding.PlanOver):
        deciding.approve(plan, actor="bob", reason="Again.")


def test_nothing_begins_before_its_notice_is_over_unless_its_owner_accepts(crowded: Crowded):
    plan = deciding.approve(crowded.plan(), actor="alice", reason="Good.")
    assert begun() == 0
    deciding.accept(plan.moves.get(), actor="owner")
    assert begun() == 1
    assert states(plan) == ["running"]


def test_a_deferred_database_stays_and_the_next_plan_takes_another(crowded: Crowded):
    plan = deciding.approve(crowded.plan(), actor="alice", reason="Good.")
    move = plan.moves.get()
    deciding.defer(move, clock.now() + timedelta(days=20), actor="owner", reason="We go live.")
    notice_is_over()
    assert begun() == 0
    rebalancing.outcomes.finish_plans()
    other = crowded.plan()
    assert other.moves.exists()
    assert move.database_id not in other.moves.values_list("database_id", flat=True)


def test_a_move_cannot_be_put_off_for_ever_nor_by_the_dozen(crowded: Crowded):
    deciding.set_rules(crowded.first.server.region, {"objections": 1}, actor="alice")
    plan = deciding.approve(crowded.plan(), actor="alice", reason="Good.")
    move = plan.moves.get()
    with pytest.raises(deciding.DeferralTooLong):
        deciding.defer(move, clock.now() + timedelta(days=31), actor="owner")
    deciding.veto(move, actor="owner", reason="Never.")
    with pytest.raises(deciding.MoveOver):
        deciding.accept(move, actor="owner")
    PlannedMove.objects.filter(pk=move.pk).update(state="told")
    with pytest.raises(deciding.ObjectionsSpent):
        deciding.veto(move, actor="owner", reason="Never.")


def test_a_rejected_plan_moves_nobody_and_owners_hear_so(crowded: Crowded):
    plan = deciding.approve(crowded.plan(), actor="alice", reason="Good.")
    deciding.reject(plan, actor="alice", reason="Not now.")
    notice_is_over()
    assert begun() == 0
    assert states(plan) == ["dropped"]
    assert OutboxEvent.objects.filter(kind="rebalance.move_dropped").count() == 1


def test_a_newer_plan_takes_the_place_of_one_that_nobody_decided(crowded: Crowded):
    old, new = crowded.plan(), crowded.plan()
    old.refresh_from_db()
    assert (old.state, new.state) == ("superseded", "proposed")
    deciding.approve(new, actor="alice", reason="Good.")
    with pytest.raises(planning.PlanUnderWay):
        crowded.plan()


def test_by_itself_only_pools_that_are_hot_for_long_are_relieved(crowded: Crowded):
    assert planning.plan_due() == 0
    PoolLoad.objects.filter(pool=crowded.first).update(is_hot=True)
    assert planning.plan_due() == 0, "it is not time yet"
    clock.advance(timedelta(hours=25), business=True)
    assert planning.plan_due() == 1
    assert RebalancePlan.objects.get().state == "proposed"


@pytest.mark.parametrize(("mode", "state"), [("off", None), ("advise", "proposed"), ("act", "approved")])
def test_a_region_is_left_alone_advised_or_acted_upon(crowded: Crowded, mode: str, state: str | None):
    deciding.set_rules(crowded.first.server.region, {"mode": mode}, actor="alice")
    PoolLoad.objects.filter(pool=crowded.first).update(is_hot=True)
    planning.plan_due()
    assert [plan.state for plan in RebalancePlan.objects.all()] == ([state] if state else [])


def test_databases_that_change_and_pools_that_are_closed_are_left_out(crowded: Crowded):
    for row in crowded.crowd[:2]:
        submit("rotate_credential", target=row.key, actor="tests", wish={})
    plan = crowded.plan()
    assert set(plan.moves.values_list("database_id", flat=True)) <= {row.pk for row in crowded.crowd[2:]}
    ElasticPool.objects.filter(pk=crowded.second.pk).update(is_cordoned=True)
    closed = crowded.plan()
    assert (closed.state, closed.moves.count()) == ("idle", 0)
    assert crowded.first.azure_name in closed.reason


def test_who_has_moved_rests_and_does_not_go_back(crowded: Crowded):
    plan = deciding.approve(crowded.plan(), actor="alice", reason="Good.")
    move = plan.moves.get()
    PlannedMove.objects.filter(pk=move.pk).update(state="done", begun_at=clock.now(), ended_at=clock.now())
    rebalancing.outcomes.finish_plans()
    assert crowded.plan().state == "idle", "both pools settle"
    clock.advance(timedelta(hours=25), business=True)
    assert move.database_id not in crowded.plan().moves.values_list("database_id", flat=True)
    clock.advance(timedelta(days=15), business=True)
    assert crowded.plan().moves.filter(target=move.source).count() == 0


def test_budgets_hold_moves_back(crowded: Crowded):
    measured(dict(zip(crowded.crowd, (3.0, 3.0, 3.0, 3.0), strict=True)))
    folded(MONDAY + timedelta(hours=1))
    pool_loads.refresh_all()
    plan = deciding.approve(crowded.plan(), actor="alice", reason="Good.")
    assert plan.moves.count() == 2
    notice_is_over()
    assert begun() == 1, "one at once from or to a pool"
    deciding.set_rules(crowded.first.server.region, {"pool_at_once": 9, "moves_an_hour": 1}, actor="alice")
    assert begun() == 0, "one an hour"
    deciding.set_rules(crowded.first.server.region, {"moves_an_hour": 9}, actor="alice")
    assert begun() == 1


def test_a_halted_region_begins_nothing_until_it_is_resumed(crowded: Crowded):
    region = crowded.first.server.region
    plan = deciding.approve(crowded.plan(), actor="alice", reason="Good.")
    deciding.halt(crowded.rules, because="Odd figures.", actor="system")
    notice_is_over()
    assert begun() == 0
    assert states(plan) == ["dropped"]
    assert OutboxEvent.objects.filter(kind="rebalance.halted").count() == 1
    with pytest.raises(planning.RegionHalted):
        crowded.plan()
    deciding.resume(region, actor="alice", reason="Looked at.")
    assert crowded.plan().state == "proposed"

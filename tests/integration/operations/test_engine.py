"""The protocol: claim, intent, act, record; fenced, and the same after a crash."""

from __future__ import annotations

import pytest
from django.db import transaction

from operations import engine
from operations.claims import claim
from operations.errors import OperationInProgress
from operations.failpoints import Crash
from operations.models import AuditEvent, Operation, OutboxEvent, StepRun
from operations.outcomes import Next, StepError
from operations.records import record, still_ours
from operations.transitions import after_outcome
from operations.workflow import Ending, Mode, workflow_of

from .conftest import World
from .toys import State, a_toy, crash_once_at, pass_the_lease, run_until_quiet


def test_an_operation_runs_its_steps_in_order_and_is_settled_once(world: World):
    operation = a_toy()
    run_until_quiet()
    operation.refresh_from_db()
    assert operation.state == State.SUCCEEDED
    assert operation.choices == {"acted": True, "decided": "a"}
    assert world.ended == [Ending.SUCCEEDED]
    assert operation.lease_until is None
    assert operation.finished_at is not None


def test_every_step_leaves_a_history_and_an_audit_event(world: World):
    operation = a_toy()
    run_until_quiet()
    runs = StepRun.objects.filter(operation_id=operation.pk).order_by("started_at")
    assert [(run.step, run.outcome) for run in runs] == [("choose", "next"), ("act", "next"), ("check", "next")]
    actions = list(AuditEvent.objects.filter(operation_id=operation.pk).order_by("at").values_list("action", flat=True))
    assert actions == [
        "operation.submitted",
        "operation.step_finished",
        "operation.step_finished",
        "operation.succeeded",
    ]
    assert [e.kind for e in OutboxEvent.objects.all()] == ["operation.succeeded"]


def test_a_second_operation_on_a_busy_target_is_refused_and_named(world: World):
    first = a_toy()
    with pytest.raises(OperationInProgress) as refused:
        a_toy()
    assert refused.value.operation == first


def test_a_follower_starts_when_its_predecessor_ends(world: World):
    first = a_toy()
    second = a_toy(follows=first)
    assert [held.operation.pk for held in claim(Mode, limit=2)] == [first.pk]
    pass_the_lease()
    run_until_quiet()
    second.refresh_from_db()
    assert second.state == State.SUCCEEDED
    assert world.effects == [str(first.pk), str(second.pk)]


def test_following_an_operation_that_is_over_starts_at_once(world: World):
    first = a_toy()
    run_until_quiet()
    second = a_toy(follows=first)
    assert second.follows is None


@pytest.mark.parametrize("point", ["claim.after", "act.before", "act.after", "record.before"])
def test_a_crash_is_made_good_once_the_lease_is_over(world: World, point: str):
    operation = a_toy()
    crash_once_at(point)
    with pytest.raises(Crash):
        run_until_quiet()
    run_until_quiet()
    operation.refresh_from_db()
    assert operation.state == State.RUNNING, "nobody may take it before the lease is over"
    pass_the_lease()
    run_until_quiet()
    operation.refresh_from_db()
    assert operation.state == State.SUCCEEDED
    assert world.ended == [Ending.SUCCEEDED]


def test_a_step_that_acts_again_after_a_crash_is_told_that_it_may_have_happened(world: World):
    a_toy()
    crash_once_at("act.after")
    with pytest.raises(Crash):
        run_until_quiet()
    pass_the_lease()
    run_until_quiet()
    assert world.seen_again == [False, True]


def test_what_a_dead_worker_left_open_is_closed_as_lost(world: World):
    operation = a_toy()
    crash_once_at("act.after")
    with pytest.raises(Crash):
        run_until_quiet()
    assert StepRun.objects.filter(operation_id=operation.pk, finished_at=None).count() == 1
    pass_the_lease()
    run_until_quiet()
    outcomes = StepRun.objects.filter(operation_id=operation.pk, step="act").values_list("outcome", flat=True)
    assert sorted(outcomes) == ["lost", "next"]


def test_a_worker_that_lost_its_lease_writes_nothing(world: World):
    operation = a_toy()
    engine_step = engine._run_one

    def overtaken(outcome_of: Operation) -> Next:
        pass_the_lease()
        world.on_act = lambda _: Next(choices={"by": "the second"})
        engine.advance_due()
        return Next(choices={"by": "the first"})

    world.on_act = overtaken
    run_until_quiet()
    operation.refresh_from_db()
    assert operation.choices["by"] == "the second"
    assert world.ended == [Ending.SUCCEEDED]
    assert engine_step is engine._run_one


def test_a_deciding_step_commits_with_its_record_or_not_at_all(world: World):
    operation = a_toy()

    def write_and_fail(_: Operation) -> Next:
        Operation.objects.filter(pk=operation.pk).update(plan_hash="written")
        raise StepError("NotNow", "later", transient=True)

    world.on_decide = write_and_fail
    run_until_quiet()
    operation.refresh_from_db()
    assert operation.plan_hash == ""
    assert (operation.state, operation.attempt, operation.error_code) == (State.RUNNING, 1, "NotNow")


def test_a_claim_takes_only_steps_that_this_process_knows(world: World):
    operation = a_toy()
    Operation.objects.filter(pk=operation.pk).update(step="of_a_newer_release")
    assert claim(Mode, limit=10) == []


def test_fifty_looks_share_one_transaction(world: World, django_assert_max_num_queries):
    operations = [a_toy(f"thing:{n}") for n in range(50)]
    Operation.objects.update(step="check")
    with django_assert_max_num_queries(60 + 4 * 50):
        assert engine.advance_due() == 50
    assert Operation.objects.filter(state=State.SUCCEEDED).count() == len(operations)


def test_a_late_record_is_refused_while_the_next_worker_is_still_at_it(world: World):
    operation = a_toy()
    [late] = claim(Mode, limit=1)
    pass_the_lease()
    [present] = claim(Mode, limit=1)
    moved = after_outcome(late.operation, workflow_of("toy"), Next(choices={"decided": "late"}))
    with transaction.atomic():
        assert record([(late, moved)]) == []
        assert (still_ours([late]), still_ours([present])) == ([], [present])
    operation.refresh_from_db()
    assert (operation.step, operation.choices, operation.fence) == ("choose", {}, present.operation.fence)

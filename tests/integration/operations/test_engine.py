"""The protocol: claim, intent, act, record; fenced, and the same after a crash."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import DatabaseError, close_old_connections, connection, transaction

from operations import clock, engine, failpoints, workflow
from operations.claims import claim
from operations.errors import OperationInProgress, TooLateToCancel
from operations.failpoints import Crash
from operations.models import AuditEvent, Operation, OutboxEvent, StepRun
from operations.outcomes import END, Ask, Next, StepError, Wait
from operations.records import record, still_ours
from operations.services import cancel, retry, submit
from operations.transitions import after_outcome
from operations.waking import wake
from operations.workflow import Ending, Mode, workflow_of

from .conftest import World

State = Operation.State


def a_toy(target: str = "thing:1", **details: object) -> Operation:
    with transaction.atomic():
        return submit("toy", target=target, actor="tests", **details)


def run_until_quiet() -> None:
    while engine.advance_due():
        pass


def pass_the_lease() -> None:
    clock.advance(timedelta(seconds=100))


@pytest.fixture(autouse=True)
def _disarm():
    yield
    failpoints.listen(None)


def crash_once_at(name: str) -> None:
    def listener(hit: str) -> None:
        if hit == name:
            failpoints.listen(None)
            raise Crash(name)

    failpoints.listen(listener)


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
    engine.advance(second.pk)
    second.refresh_from_db()
    assert second.state == State.QUEUED
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
        engine.advance(operation.pk)
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


def test_a_bug_is_counted_moved_away_and_ends_before_a_human(world: World):
    operation = a_toy()

    def bug(_: Operation) -> Next:
        raise ZeroDivisionError("a secret detail")

    world.on_act = bug
    for _ in range(3):
        run_until_quiet()
        clock.advance(timedelta(minutes=10))
    operation.refresh_from_db()
    assert operation.state == State.NEEDS_ATTENTION
    assert "secret detail" not in operation.error_message
    assert world.ended == []


def test_an_error_that_is_final_fails_the_operation_with_its_code(world: World):
    operation = a_toy()

    def refuse(_: Operation) -> Next:
        raise StepError("RequestDisallowedByPolicy", "A policy forbids it.")

    world.on_act = refuse
    run_until_quiet()
    operation.refresh_from_db()
    assert (operation.state, operation.error_code) == (State.FAILED, "RequestDisallowedByPolicy")
    assert world.ended == [Ending.FAILED]


def test_being_asked_to_wait_counts_as_no_attempt(world: World):
    operation = a_toy()

    def throttled(_: Operation) -> Next:
        raise StepError("TooManyRequests", "wait", transient=True, retry_after=30)

    world.on_act = throttled
    run_until_quiet()
    operation.refresh_from_db()
    assert operation.attempt == 0
    assert operation.due_at > clock.database_now() + timedelta(seconds=25)


def test_a_waiting_operation_is_woken_by_what_it_waits_on(world: World):
    operation = a_toy()
    world.on_look = lambda _: Wait(3600, on="database:7", reason="Azure says Creating.")
    run_until_quiet()
    operation.refresh_from_db()
    assert operation.waits_why == "Azure says Creating."
    world.on_look = lambda _: Next()
    run_until_quiet()
    operation.refresh_from_db()
    assert operation.state == State.RUNNING
    wake(["database:7"])
    run_until_quiet()
    operation.refresh_from_db()
    assert operation.state == State.SUCCEEDED


def test_a_change_between_look_and_record_is_not_missed(world: World):
    a_toy()
    looks = []

    def woken_meanwhile(_: Operation) -> Wait | Next:
        looks.append(1)
        if len(looks) == 2:
            wake(["database:7"])
        return Next() if len(looks) == 3 else Wait(3600, on="database:7")

    world.on_look = woken_meanwhile
    run_until_quiet()
    wake(["database:7"])
    run_until_quiet()
    assert world.ended == [Ending.SUCCEEDED]


def test_a_wait_past_the_deadline_is_a_humans_turn(world: World):
    operation = a_toy()
    world.on_look = lambda _: Wait(60, reason="Azure says Creating.")
    run_until_quiet()
    clock.advance(timedelta(hours=5))
    run_until_quiet()
    operation.refresh_from_db()
    assert (operation.state, operation.error_code) == (State.NEEDS_ATTENTION, "DeadlinePassed")


def test_a_human_may_let_it_try_again(world: World):
    operation = a_toy()
    world.on_act = lambda _: Ask("QuotaExhausted", "No room for servers.")
    run_until_quiet()
    operation.refresh_from_db()
    assert operation.state == State.NEEDS_ATTENTION
    world.on_act = lambda _: Next()
    assert retry(operation, actor="op", reason="quota raised")
    assert not retry(operation, actor="op", reason="again")
    run_until_quiet()
    operation.refresh_from_db()
    assert operation.state == State.SUCCEEDED


def test_a_cancel_before_the_point_of_no_return_is_obeyed(world: World):
    operation = a_toy()
    cancel(operation, actor="owner")
    run_until_quiet()
    operation.refresh_from_db()
    assert operation.state == State.CANCELLED
    assert world.effects == []
    assert world.ended == [Ending.CANCELLED]


def test_a_cancel_after_it_is_refused_and_says_so(world: World):
    operation = a_toy()
    world.on_look = lambda _: Wait(3600)
    run_until_quiet()
    with pytest.raises(TooLateToCancel):
        cancel(operation, actor="owner")


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


def test_one_bad_row_in_a_batch_hurts_nobody_else(world: World):
    for n in range(5):
        a_toy(f"thing:{n}")
    Operation.objects.update(step="check")

    def bad_third(operation: Operation) -> Next:
        if operation.target_key == "thing:2":
            raise ZeroDivisionError
        return Next()

    world.on_look = bad_third
    engine.advance_due()
    states = dict(Operation.objects.values_list("target_key", "state"))
    assert states.pop("thing:2") == State.RUNNING
    assert set(states.values()) == {State.SUCCEEDED}


def test_a_deadlock_in_a_deciding_step_is_tried_again(world: World):
    operation = a_toy()
    world.on_decide = lambda _: _raised_by_postgresql("40P01")
    run_until_quiet()
    operation.refresh_from_db()
    assert (operation.state, operation.attempt, operation.error_code) == (State.RUNNING, 1, "DatabaseBusy")
    world.on_decide = lambda _: Next()
    clock.advance(timedelta(minutes=1))
    run_until_quiet()
    operation.refresh_from_db()
    assert operation.state == State.SUCCEEDED


def test_a_lock_timeout_in_a_batch_of_looks_hurts_only_its_row(world: World):
    slow, quick = a_toy("thing:1"), a_toy("thing:2")
    world.on_look = lambda o: _raised_by_postgresql("55P03") if o.pk == slow.pk else Next()
    run_until_quiet()
    states = [Operation.objects.get(pk=o.pk).state for o in (slow, quick)]
    assert states == [State.RUNNING, State.SUCCEEDED]


def test_a_deadlock_while_recording_does_not_forget_what_was_done(world: World):
    operation = a_toy()
    troubles = ["40P01", "40001"]
    world.on_settle = lambda: _raised_by_postgresql(troubles.pop()) if troubles else None
    world.on_act = lambda o: Next(to=END)
    run_until_quiet()
    operation.refresh_from_db()
    assert operation.state == State.SUCCEEDED
    assert world.effects == [str(operation.pk)]


def test_a_lost_session_ends_the_worker_and_the_next_one_goes_on(world: World):
    operation = a_toy()

    def cut(_: Operation) -> Next:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return Next()

    world.on_decide = cut
    with pytest.raises(DatabaseError):
        run_until_quiet()
    close_old_connections()
    world.on_decide = lambda _: Next()
    pass_the_lease()
    run_until_quiet()
    operation.refresh_from_db()
    assert operation.state == State.SUCCEEDED


def test_a_cancel_that_comes_during_the_step_before_the_first_effect_is_obeyed(world: World):
    operation = a_toy()

    def choose(_: Operation) -> Next:
        cancel(operation, actor="somebody")
        return Next()

    world.on_decide = choose
    run_until_quiet()
    operation.refresh_from_db()
    assert operation.state == State.CANCELLED
    assert world.effects == []


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


def _raised_by_postgresql(code: str) -> Next:
    """PostgreSQL itself raises the error of this code."""
    with connection.cursor() as cursor:
        cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'tried' USING ERRCODE = '{code}'; END $$")
    return Next()


@pytest.mark.parametrize("cancelling", [False, True])
def test_an_end_that_cannot_be_settled_is_counted_and_shown_to_a_human(
    world: World, monkeypatch: pytest.MonkeyPatch, cancelling: bool
):
    def refuse(operation: Operation, ending: Ending) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(workflow._registry, "toy", replace(workflow_of("toy"), settle=refuse))
    world.on_act = lambda _: Next(to=END)
    operation = a_toy()
    if cancelling:
        cancel(operation, actor="owner")
    for _ in range(3):
        run_until_quiet()
        clock.advance(timedelta(minutes=10))
    operation.refresh_from_db()
    assert (operation.state, operation.error_code) == (State.NEEDS_ATTENTION, "InternalError")

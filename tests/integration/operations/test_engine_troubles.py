"""What a step may raise, and PostgreSQL refuse: counted, moved away, shown to a human; never forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import DatabaseError, close_old_connections, connection

from operations import clock, engine, workflow
from operations.models import Operation
from operations.outcomes import END, Next, StepError
from operations.services import cancel
from operations.workflow import Ending, workflow_of

from .conftest import World
from .toys import State, a_toy, pass_the_lease, run_until_quiet


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

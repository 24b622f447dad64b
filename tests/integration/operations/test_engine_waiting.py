"""Waiting, and what ends it: a change, a deadline, a human, a cancel."""

from __future__ import annotations

from datetime import timedelta

import pytest

from operations import clock
from operations.errors import TooLateToCancel
from operations.models import Operation
from operations.outcomes import Ask, Next, Wait
from operations.services import cancel, retry
from operations.waking import wake
from operations.workflow import Ending

from .conftest import World
from .toys import State, a_toy, run_until_quiet


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

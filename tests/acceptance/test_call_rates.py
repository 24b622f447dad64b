"""Rates hold for all web processes together: each instance of `Shares` is what one process has in hand."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from controlplane import call_rates
from controlplane.api.principals import Role
from controlplane.call_rates import Shares, shares
from operations.models import CallRate
from tests.acceptance.callers import Directory

MINUTE = 60.0
URL = "/api/v1/workspaces"


def taken_until_refused(process: Shares, *, limit: int, caller: str = "somebody") -> int:
    number = 0
    while not process.take(caller, limit=limit, seconds=MINUTE):
        number += 1
    return number


def in_turn(processes: list[Shares], *, limit: int) -> int:
    """How many calls pass when a balancer deals them out, until every process refuses."""
    passed = refused = 0
    while refused < len(processes):
        process = processes.pop(0)
        processes.append(process)
        if process.take("somebody", limit=limit, seconds=MINUTE):
            refused += 1
        else:
            passed, refused = passed + 1, 0
    return passed


@pytest.mark.parametrize("limit", [1, 3, 60, 1200])
def test_one_process_lets_exactly_the_limit_pass(db: None, limit: int):
    assert taken_until_refused(Shares(), limit=limit) == limit


@pytest.mark.parametrize("limit", [1, 3, 60, 1200])
def test_three_processes_let_the_limit_pass_together(db: None, limit: int):
    assert in_turn([Shares(), Shares(), Shares()], limit=limit) == limit


def test_what_a_dead_process_had_in_hand_is_lost_and_never_more(db: None):
    first = Shares()
    for _ in range(100):
        first.take("somebody", limit=1200, seconds=MINUTE)
    passed = 100 + taken_until_refused(Shares(), limit=1200)
    assert 1200 - 1200 // call_rates.BATCHES < passed <= 1200


def test_a_new_period_begins_for_everybody(db: None):
    for process in (Shares(), Shares()):
        taken_until_refused(process, limit=60)
    CallRate.objects.update(ends_at="2020-01-01T00:00:00Z")
    assert in_turn([Shares(), Shares()], limit=60) == 60


def test_a_refusal_tells_the_seconds_to_the_end_of_the_period(db: None):
    taken_until_refused(Shares(), limit=3)
    assert 50 < Shares().take("somebody", limit=3, seconds=MINUTE) <= 60


def test_twelve_hundred_calls_cost_few_statements_and_refusals_none(db: None, django_assert_max_num_queries):
    process = Shares()
    with django_assert_max_num_queries(75):
        assert taken_until_refused(process, limit=1200) == 1200
    with django_assert_max_num_queries(0):
        for _ in range(100):
            assert process.take("somebody", limit=1200, seconds=MINUTE)


def test_threads_of_several_processes_at_once_never_exceed_the_limit(committed_db: None):
    passed: list[int] = []

    def ask(process: Shares) -> None:
        passed.append(taken_until_refused(process, limit=500))
        connection.close()

    processes = [Shares() for _ in range(3)]
    run_together([lambda p=process: ask(p) for process in processes for _ in range(2)])
    assert 500 - 3 * (500 // call_rates.BATCHES) < sum(passed) <= 500


def run_together(actions: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=action) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_callers_do_not_share_a_rate(db: None):
    taken_until_refused(Shares(), limit=5, caller="eager")
    assert taken_until_refused(Shares(), limit=5, caller="calm") == 5


def test_another_web_process_refuses_whom_the_first_has_refused(directory: Directory, monkeypatch):
    from rest_framework.throttling import UserRateThrottle

    monkeypatch.setattr(UserRateThrottle, "THROTTLE_RATES", {"user": "2/min"})
    eager = directory.caller("eager", Role.OPERATOR)
    statuses = []
    for _ in range(3):
        shares.forget()  # the next request reaches a process that has nothing in hand
        statuses.append(eager.get(URL).status_code)
    assert statuses == [200, 200, 429]


def test_counts_of_periods_that_are_over_are_dropped(db: None):
    for caller in ("old", "new"):
        Shares().take(caller, limit=5, seconds=MINUTE)
    CallRate.objects.filter(caller="old").update(ends_at="2020-01-01T00:00:00Z")
    call_rates.forget_over()
    assert [row.caller for row in CallRate.objects.all()] == ["new"]

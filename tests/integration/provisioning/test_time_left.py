"""A window serves who can end in it; a step that was cut off asks again; and waiting is neither work nor trouble."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from inventory.models import ElasticPool, Workspace
from operations import clock, locks
from operations.decisions import abandon
from operations.locks import Lock, Mode
from operations.models import Operation, OutboxEvent
from operations.services import retry, submit
from provisioning.changes.consent import ACCEPTED, Consent, PlanChanged
from provisioning.changes.plan import Timing
from provisioning.changes.pools import PoolWish, plan_resize, request_drain, request_resize
from provisioning.durations import expected_seconds
from provisioning.maintenance import FreezeWish, MaintenanceWish, WindowWish, define_maintenance
from provisioning.services import ServiceWish, request_service
from tests.builders import GIB, a_workspace
from tests.local_azure import LocalAzure, run_one_step, run_until_settled, work

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RESIZED = PoolWish(16)


class Killed(BaseException):
    """The worker is gone."""


def open_once(workspace: Workspace, wait: timedelta, *, minutes: int = 60) -> None:
    at = (clock.now() + wait).astimezone(UTC)
    window = WindowWish(at.weekday(), at.time().replace(second=0, microsecond=0), minutes, "UTC")
    define_maintenance(workspace, MaintenanceWish(frozenset({window})), actor="tests")


def both_clocks(azure: LocalAzure, amount: timedelta) -> None:
    clock.advance(amount, business=True)
    azure.pass_time(amount.total_seconds())


def work_a_while(azure: LocalAzure, *, rounds: int = 60) -> None:
    for _ in range(rounds):
        work()
        azure.pass_time(10)


def days(azure: LocalAzure, count: int) -> None:
    for _ in range(count):
        work_a_while(azure, rounds=4)
        both_clocks(azure, DAY - 40 * timedelta(seconds=1))
        work()


@pytest.fixture
def pool(azure: LocalAzure, workspace: Workspace) -> ElasticPool:
    request_service(workspace, ServiceWish("claims", "fhir", 100 * GIB), actor="tests")
    run_until_settled(azure)
    return ElasticPool.objects.select_related("server").get()


def refreshed(operation: Operation) -> Operation:
    operation.refresh_from_db()
    return operation


def resize(pool: ElasticPool) -> Operation:
    operation = request_resize(pool, RESIZED, actor="tests", consent=ACCEPTED)
    work()
    return refreshed(operation)


def test_what_takes_longer_than_is_left_waits_for_the_next_window(
    azure: LocalAzure, pool: ElasticPool, workspace: Workspace, settings
):
    settings.EXPECTED_CHANGE_SECONDS = 30 * 60.0
    open_once(workspace, -40 * MINUTE)  # twenty minutes of it are left
    operation = resize(pool)
    assert operation.waits_on.startswith("window:")
    assert operation.choices["announced"]["opens_at"] > (clock.now() + 6 * DAY).isoformat()


def test_who_stood_in_line_until_too_little_was_left_waits_and_keeps_nobody(
    azure: LocalAzure, pool: ElasticPool, workspace: Workspace, settings
):
    settings.EXPECTED_CHANGE_SECONDS = 30 * 60.0
    open_once(workspace, -2 * MINUTE)
    operation = request_resize(pool, RESIZED, actor="tests", consent=ACCEPTED)
    while refreshed(operation).step != "start_resize":
        assert run_one_step()
    clock.advance(40 * MINUTE, business=True)
    before, vcores = len(azure.effects()), pool.server.vcores_committed
    azure.pass_time(600)
    work_a_while(azure, rounds=10)
    assert len(azure.effects()) == before
    assert refreshed(operation).waits_on.startswith("window:")
    assert not operation.locks.exists()
    pool.refresh_from_db()
    pool.server.refresh_from_db()
    assert (pool.status, pool.server.vcores_committed) == ("ready", vcores)
    for _ in range(7 * 24 * 2):
        both_clocks(azure, HOUR / 2)
        work()
    assert refreshed(operation).state == "succeeded"


def test_a_window_that_lasts_not_a_moment_longer_is_called_too_short(
    azure: LocalAzure, pool: ElasticPool, workspace: Workspace, settings
):
    settings.EXPECTED_CHANGE_SECONDS = 60 * 60.0
    open_once(workspace, 2 * HOUR, minutes=60)
    plan = plan_resize(pool, RESIZED, actor="tests")
    assert plan.change is not None
    assert plan.change.disruption.timing == Timing.NEVER
    operation = resize(pool)
    assert OutboxEvent.objects.filter(kind="change.window_too_short", workspace=workspace.name).count() == 1
    for _ in range(4):
        days(azure, 1)
    assert (refreshed(operation).state, operation.error_code) == ("needs_attention", "DeadlinePassed")


def cut_off(azure: LocalAzure, *, after: bool) -> Callable[[], None]:
    """The next change of a pool kills the worker, before or after Azure hears of it. Returns what lets calls pass again."""

    def around(name: str, call: Callable[[], Any]) -> Any:
        if name.startswith("PATCH") and "/elasticPools/" in name:
            if after:
                call()
            raise Killed
        return call()

    straight = azure.around
    azure.around = around
    return lambda: setattr(azure, "around", straight)


@pytest.mark.parametrize("heard", [False, True])
def test_a_step_that_was_cut_off_minds_the_window_unless_azure_has_heard_it(
    azure: LocalAzure, pool: ElasticPool, workspace: Workspace, heard: bool
):
    open_once(workspace, -2 * MINUTE)
    operation = request_resize(pool, RESIZED, actor="tests", consent=ACCEPTED)
    while refreshed(operation).step != "start_resize":
        assert run_one_step()
    let_pass = cut_off(azure, after=heard)
    with pytest.raises(Killed):
        run_one_step()
    let_pass()
    clock.advance(5 * HOUR, business=True)
    before = len(azure.effects())
    clock.advance(10 * MINUTE)  # the lease is over, and in Azure the change goes on
    assert run_one_step()
    if heard:
        assert refreshed(operation).step == "await_resize"
        work_a_while(azure, rounds=40)
        assert refreshed(operation).state == "succeeded"
    else:
        assert refreshed(operation).step == "await_window"
    assert len(azure.effects()) == before


def test_days_of_waiting_for_a_window_are_no_days_of_work(db: None):
    now = timezone.now()
    for number in range(6):
        Operation.objects.create(
            kind="resize_pool",
            target_key=f"pool:{number}",
            step="await_resize",
            state="succeeded",
            actor="tests",
            started_at=now - 3 * DAY,
            finished_at=now,
            choices={"window": {}, "accepted_at": (now - 2 * MINUTE).isoformat()},
        )
    assert expected_seconds("resize_pool") == 120


def test_a_plan_for_the_window_is_no_consent_to_do_it_now(azure: LocalAzure, pool: ElasticPool, workspace: Workspace):
    open_once(workspace, 2 * HOUR)
    seen = plan_resize(pool, RESIZED, actor="tests")
    clock.advance(10 * MINUTE, business=True)
    assert plan_resize(pool, RESIZED, actor="tests").hash == seen.hash
    clock.advance(2 * HOUR, business=True)  # it is open: what was agreed to is a time within it
    assert plan_resize(pool, RESIZED, actor="tests").hash == seen.hash
    define_maintenance(workspace, MaintenanceWish(), actor="tests")
    with pytest.raises(PlanChanged):
        request_resize(pool, RESIZED, actor="tests", consent=Consent(plan_hash=seen.hash))


def test_a_drain_waits_for_its_owners_as_long_as_they_want(azure: LocalAzure, pool: ElasticPool, workspace: Workspace):
    now = clock.now()
    freeze = FreezeWish(now, now + 14 * DAY, "Open enrolment.")
    define_maintenance(None, MaintenanceWish(frozenset(), frozenset({freeze})), actor="tests")
    operation = request_drain(pool, actor="tests", reason="tests", consent=ACCEPTED)
    work_a_while(azure)
    days(azure, 13)
    assert refreshed(operation).state == "running"
    for _ in range(36):
        both_clocks(azure, HOUR)
        work()
    work_a_while(azure, rounds=200)
    assert refreshed(operation).state == "succeeded"


def test_a_drain_that_is_stuck_is_shown_to_a_human_and_forgets_what_failed_when_retried(
    azure: LocalAzure, pool: ElasticPool
):
    with transaction.atomic():
        other = submit("resize_pool", target="pool:another", actor="tests", wish={})
        Operation.objects.filter(pk=other.pk).update(due_at=clock.database_now() + 90 * DAY)
        assert locks.request(other, [Lock(pool.key, Mode.EXCLUSIVE, "nobody works on it")])
    operation = request_drain(pool, actor="tests", reason="tests", consent=ACCEPTED)
    work_a_while(azure)
    days(azure, 8)
    assert (refreshed(operation).state, operation.error_code) == ("needs_attention", "DeadlinePassed")
    abandon(Operation.objects.get(kind="move_database"), actor="tests", reason="It was held up.")
    with transaction.atomic():
        locks.release(other)
    retry(operation, actor="tests", reason="tests")
    work_a_while(azure, rounds=120)
    assert refreshed(operation).state == "succeeded"


def ends_told(to: str) -> list[str]:
    kinds = OutboxEvent.objects.filter(workspace=to, target__startswith="pool:").order_by("sequence")
    return list(kinds.values_list("kind", flat=True))


def test_every_owner_in_a_pool_hears_of_its_resize_from_before_until_its_end(
    azure: LocalAzure, pool: ElasticPool, workspace: Workspace
):
    request_service(a_workspace("optum", workspace.region), ServiceWish("small", "fhir", 50 * GIB), actor="tests")
    run_until_settled(azure)
    open_once(workspace, 2 * HOUR)
    resize(pool)
    both_clocks(azure, 2.2 * HOUR)
    run_until_settled(azure)
    expected = ["change.scheduled", "change.started", "operation.succeeded"]
    assert ends_told(workspace.name) == expected
    assert ends_told("optum") == expected
    for event in OutboxEvent.objects.filter(workspace="optum", target=pool.key):
        assert workspace.name not in str(event.data)
    assert "operation.succeeded" in ends_told("")


def test_owners_hear_when_the_resize_that_was_announced_fails(
    azure: LocalAzure, pool: ElasticPool, workspace: Workspace
):
    open_once(workspace, 2 * HOUR)
    operation = resize(pool)
    Operation.objects.filter(pk=operation.pk).update(
        input={**operation.input, "max_databases": 0}
    )  # as if others had come
    both_clocks(azure, 2.2 * HOUR)
    work_a_while(azure, rounds=10)
    assert (refreshed(operation).state, operation.error_code) == ("failed", "PoolTooFull")
    assert ends_told(workspace.name) == ["change.scheduled", "change.started", "operation.failed"]

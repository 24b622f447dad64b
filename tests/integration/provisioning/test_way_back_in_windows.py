"""The way back from Hyperscale keeps out of freezes and within windows until Azure has switched, and within its 45 days."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from inventory.models import Database, Workspace
from operations import clock
from operations.models import AuditEvent, Operation, OutboxEvent
from provisioning.changes.tiers import plan_return
from provisioning.errors import ReturnNotPossible
from provisioning.maintenance import MaintenanceWish, define_maintenance
from provisioning.windows import start_now
from tests.crash import judging
from tests.integration.provisioning.test_convert import ended, tier_in_azure
from tests.integration.provisioning.test_convert_back import a_converted_database, go_back
from tests.local_azure import LocalAzure, run_until_settled, until_step, work
from tests.waiting import (
    DAY,
    HOUR,
    MINUTE,
    both_clocks,
    freeze_fleet,
    in_the_way,
    open_once,
    out_of_the_way,
    seen,
    work_a_while,
)

HYPERSCALE = ["Hyperscale"]


@pytest.fixture
def database(azure: LocalAzure, workspace: Workspace) -> Database:
    converted = a_converted_database(azure, workspace)
    return Database.objects.select_related("server", "service__workspace").get(pk=converted.pk)


def held_up(azure: LocalAzure, database: Database) -> tuple[Operation, Operation]:
    """The way back, and what it stands in line behind."""
    assert database.server is not None
    back, other = go_back(database), in_the_way(database.server.key)
    return back, other


def let_pass(back: Operation, other: Operation) -> None:
    out_of_the_way(other)
    Operation.objects.filter(pk=back.pk).update(due_at=clock.database_now())


def fill(azure: LocalAzure, gibibytes: float) -> None:
    """Its copy takes half a minute a GiB."""
    resource = azure.resources("databases")[0]
    change = {"since": int(azure.azure.clock.now() // 60), "storage_gb": gibibytes}
    azure.azure.store.put("workload", resource.properties["databaseId"], {"database": resource.id, "changes": [change]})


def lift_freeze() -> None:
    define_maintenance(None, MaintenanceWish(), actor="operator")


def test_it_does_not_begin_in_a_freeze_that_was_declared_while_it_stood_in_line(azure: LocalAzure, database: Database):
    back, other = held_up(azure, database)
    until_step(azure, back, "hold_place")
    freeze_fleet(30 * DAY)
    let_pass(back, other)
    work_a_while(azure, rounds=100, seconds=60)
    assert (seen(back).waits_on, tier_in_azure(azure)) == ("window:cigna", HYPERSCALE)
    assert not back.locks.exists()
    lift_freeze()
    assert ended(azure, back).state == "succeeded"


def test_its_copy_does_not_begin_days_late(azure: LocalAzure, workspace: Workspace, database: Database):
    open_once(workspace, 2 * HOUR, minutes=120)
    back, other = held_up(azure, database)
    for _ in range(60):
        work()
        both_clocks(azure, 3 * MINUTE)
        if seen(back).step == "hold_place":
            break
    both_clocks(azure, 12 * HOUR)
    let_pass(back, other)
    for _ in range(200):
        work()
        both_clocks(azure, MINUTE)
    assert (seen(back).waits_on, tier_in_azure(azure)) == ("window:cigna", HYPERSCALE)


def test_a_freeze_that_is_declared_while_it_copies_stops_the_copy_and_another_is_made_after_it(
    azure: LocalAzure, database: Database
):
    back = go_back(database)
    until_step(azure, back, "await_return")
    freeze_fleet(30 * DAY)  # whoever declares it wakes the operation
    work_a_while(azure, rounds=100, seconds=60)
    assert (seen(back).step, back.waits_on, tier_in_azure(azure)) == ("await_copying", "window:cigna", HYPERSCALE)
    lift_freeze()
    assert ended(azure, back).state == "succeeded"
    assert [*judging.counters(), *judging.left_behind()] == []


class Killed(BaseException):
    """The worker is gone."""


@pytest.mark.parametrize("heard", [False, True], ids=["before Azure hears of it", "after"])
def test_a_worker_that_dies_while_it_stops_the_copy_is_followed_by_one_that_knows(
    azure: LocalAzure, database: Database, heard: bool
):
    fill(azure, 60)
    back = go_back(database)
    until_step(azure, back, "await_return")
    freeze_fleet(30 * DAY)
    straight = azure.around

    def around(name: str, call: Callable[[], Any]) -> Any:
        if name.endswith("/cancel"):
            azure.around = straight
            if heard:
                call()
            raise Killed
        return call()

    azure.around = around
    with pytest.raises(Killed):
        work_a_while(azure, rounds=60, seconds=60)
    azure.pass_time(600)  # its lease is over, and Azure has stopped, where it was told to
    work_a_while(azure, rounds=60, seconds=60)
    assert (seen(back).step, back.waits_on, tier_in_azure(azure)) == ("await_copying", "window:cigna", HYPERSCALE)
    lift_freeze()
    assert ended(azure, back).state == "succeeded"


def test_a_copy_that_takes_longer_than_its_window_is_let_go_on(
    azure: LocalAzure, workspace: Workspace, database: Database
):
    opening = open_once(workspace, 2 * HOUR, minutes=30)
    back = go_back(database)
    while seen(back).step != "await_return":
        work()
        both_clocks(azure, 2 * MINUTE)
        assert clock.now() < opening + HOUR
    clock.advance(3 * HOUR, business=True)  # Azure is slow
    work()
    assert "stopped" not in seen(back).choices
    work_a_while(azure, rounds=60, seconds=60)
    assert tier_in_azure(azure) == ["GeneralPurpose"]


def test_a_way_back_whose_window_comes_after_the_last_day_is_refused_with_the_reason(
    azure: LocalAzure, workspace: Workspace, database: Database
):
    both_clocks(azure, 43 * DAY)
    open_once(workspace, 5 * DAY)
    assert database.service is not None
    plan = plan_return(database.service, actor="owner")
    assert (plan.action, plan.refusals[0].code) == ("refuse", "ReturnNotPossible")
    with pytest.raises(ReturnNotPossible, match="Name an earlier window"):
        go_back(database)
    open_once(workspace, DAY)
    assert plan_return(database.service, actor="owner").action == "change"


def test_a_way_back_whose_windows_are_moved_behind_the_last_day_ends_before_anything_begins(
    azure: LocalAzure, workspace: Workspace, database: Database
):
    both_clocks(azure, 43 * DAY)
    open_once(workspace, DAY)
    back = go_back(database)
    work_a_while(azure, rounds=5)
    effects = len(azure.effects())
    open_once(workspace, 4 * DAY)
    run_until_settled(azure)
    assert (seen(back).state, back.error_code, len(azure.effects())) == ("failed", "ReturnNotPossible", effects)


def test_a_word_that_lets_it_start_is_told_and_written_down_once(
    azure: LocalAzure, workspace: Workspace, database: Database
):
    open_once(workspace, 5 * DAY)
    back = go_back(database)
    work_a_while(azure, rounds=5)
    OutboxEvent.objects.all().delete()
    start_now(back, actor="owner", reason="They asked.", over_freezes=False)
    assert ended(azure, back).state == "succeeded"
    assert OutboxEvent.objects.filter(kind="change.started").count() == 1
    assert AuditEvent.objects.filter(action="window.overridden", operation_id=back.pk).count() == 1

"""A window is asked for again right before what drops connections: much may have passed since it let a change begin."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest
from django.db import transaction

from inventory.models import Database, ElasticPool, Workspace
from operations import clock, locks
from operations.locks import Lock, Mode
from operations.models import Operation, OutboxEvent
from operations.services import submit
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.pools import PoolWish, plan_resize, request_drain, request_move, request_resize
from provisioning.conversions import ConversionWish, Cutover, request_conversion
from provisioning.maintenance import FreezeWish, MaintenanceWish, WindowWish, define_maintenance
from provisioning.services import ServiceWish, request_service
from tests.builders import GIB, a_workspace
from tests.local_azure import LocalAzure, run_one_step, run_until_settled, until_step, work
from tests.rehoming import a_server_in_the_making, rehome
from tests.rotating import a_ready_database

HOUR = timedelta(hours=1)


def open_an_hour(workspace: Workspace, *, in_hours: int) -> None:
    at = (clock.now() + in_hours * HOUR).astimezone(UTC)
    window = WindowWish(at.weekday(), at.time().replace(second=0, microsecond=0), 60, "UTC")
    define_maintenance(workspace, MaintenanceWish(frozenset({window})), actor="tests")


def both_clocks(azure: LocalAzure, amount: timedelta) -> None:
    clock.advance(amount, business=True)
    azure.pass_time(amount.total_seconds())


def work_a_while(azure: LocalAzure, *, rounds: int = 60) -> None:
    for _ in range(rounds):
        work()
        azure.pass_time(10)


def step_by_step(azure: LocalAzure, operation: Operation, step: str) -> None:
    for _ in range(300):
        if not run_one_step():
            azure.pass_time(10)
        operation.refresh_from_db()
        if operation.step == step:
            return
    raise AssertionError(f"{operation.state} at {operation.step}")


def changes_since(azure: LocalAzure, before: int) -> list[str]:
    return [str(effect["operation"]) for effect in azure.effects()[before:]]


@pytest.fixture
def database(azure: LocalAzure, workspace: Workspace) -> Database:
    """Its owner lets it be disturbed for an hour, two hours from now."""
    request_service(workspace, ServiceWish("claims", "fhir", 100 * GIB), actor="tests")
    run_until_settled(azure)
    open_an_hour(workspace, in_hours=2)
    return Database.objects.select_related("pool", "server", "service__workspace").get()


@pytest.fixture
def move(azure: LocalAzure, database: Database) -> Operation:
    """It waits for the window, which has just opened."""
    operation = request_move(database, actor="tests", reason="tests", consent=ACCEPTED)
    work_a_while(azure, rounds=40)
    operation.refresh_from_db()
    assert operation.waits_on.startswith("window:")
    clock.advance(2 * HOUR, business=True)
    azure.pass_time(1.2 * HOUR.total_seconds())  # the longest look, and a tenth
    return operation


def test_a_move_whose_workers_were_away_waits_for_the_next_window(azure: LocalAzure, move: Operation) -> None:
    while move.step == "await_window":
        assert run_one_step()
        move.refresh_from_db()
    both_clocks(azure, 5 * HOUR)
    before = len(azure.effects())
    work_a_while(azure)
    move.refresh_from_db()
    assert changes_since(azure, before) == []
    assert (move.state, move.waits_on.partition(":")[0]) == ("running", "window")
    assert not move.locks.exists()
    for _ in range(7 * 24 * 2):
        both_clocks(azure, HOUR / 2)
        work()
    move.refresh_from_db()
    assert move.state == "succeeded"


def test_a_freeze_that_is_declared_while_a_move_stands_in_line_holds_it(
    azure: LocalAzure, move: Operation, database: Database
) -> None:
    assert database.pool is not None
    with transaction.atomic():
        other = submit("resize_pool", target=database.pool.key, actor="tests", wish={})
        Operation.objects.filter(pk=other.pk).update(due_at=clock.database_now() + timedelta(days=30))
        assert locks.request(other, [Lock(database.pool.key, Mode.EXCLUSIVE, "resizes")])
    work()
    now = clock.now()
    freeze = FreezeWish(now, now + timedelta(days=30), "incident")
    define_maintenance(None, MaintenanceWish(frozenset(), frozenset({freeze})), actor="tests")
    both_clocks(azure, 5 * HOUR)
    before = len(azure.effects())
    with transaction.atomic():
        locks.release(other)
    Operation.objects.filter(pk=move.pk).update(due_at=clock.database_now())
    work_a_while(azure)
    assert changes_since(azure, before) == []


def test_a_cut_over_that_missed_its_window_is_not_performed(azure: LocalAzure, workspace: Workspace) -> None:
    granted = request_service(workspace, ServiceWish("claims", "fhir", 100 * GIB), actor="tests")
    run_until_settled(azure)
    assert granted.service is not None
    open_an_hour(workspace, in_hours=6)
    opens_at = clock.now() + 6 * HOUR
    operation = request_conversion(granted.service, ConversionWish(Cutover.AUTOMATIC), actor="tests")
    while not operation.waits_on.startswith("window:") or operation.step != "await_window":
        work()
        both_clocks(azure, timedelta(minutes=1))
        operation.refresh_from_db()
        assert clock.now() < opens_at
    both_clocks(azure, opens_at - clock.now() + timedelta(minutes=1))
    while operation.step != "perform_cutover":
        if not run_one_step():
            azure.pass_time(60)
        operation.refresh_from_db()
    both_clocks(azure, 3 * HOUR)
    before = len(azure.effects())
    work_a_while(azure, rounds=20)
    assert "PerformCutover" not in changes_since(azure, before)


def test_every_owner_in_a_pool_is_told_before_and_at_the_start_of_its_resize(
    azure: LocalAzure, database: Database, workspace: Workspace
) -> None:
    OutboxEvent.objects.all().delete()
    pool = ElasticPool.objects.select_related("server").get()
    request_resize(pool, PoolWish(16), actor="tests", consent=ACCEPTED)
    work()
    clock.advance(2 * HOUR, business=True)
    azure.pass_time(HOUR.total_seconds())
    run_until_settled(azure)
    told = set(OutboxEvent.objects.filter(workspace=workspace.name).values_list("kind", flat=True))
    assert {"change.scheduled", "change.started"} <= told


def test_a_plan_is_no_consent_to_another_size(azure: LocalAzure, database: Database) -> None:
    pool = ElasticPool.objects.select_related("server").get()
    hashes = [plan_resize(pool, PoolWish(vcores), actor="tests").hash for vcores in (4, 6, 10, 16)]
    assert len(set(hashes)) == 4


def test_who_waits_for_a_far_window_keeps_nobody_in_a_pool_that_is_drained(
    azure: LocalAzure, workspace: Workspace
) -> None:
    for number in range(4):
        request_service(workspace, ServiceWish(f"large-{number}", "fhir", 100 * GIB), actor="tests")
    request_service(a_workspace("optum", workspace.region), ServiceWish("small", "fhir", 50 * GIB), actor="tests")
    run_until_settled(azure)
    open_an_hour(workspace, in_hours=100)
    pool = ElasticPool.objects.select_related("server").get()
    request_drain(pool, actor="tests", reason="tests", consent=ACCEPTED)
    work_a_while(azure, rounds=120)
    assert Database.objects.get(service__name="small").pool_id != pool.pk
    assert Database.objects.filter(pool=pool).count() == 4


def test_a_switch_to_another_server_that_missed_its_window_waits_for_the_next(
    azure: LocalAzure, workspace: Workspace
) -> None:
    row = a_ready_database(azure, workspace=workspace)
    a_server_in_the_making()
    run_until_settled(azure)
    operation = rehome(row)
    until_step(azure, operation, "await_replica")
    open_an_hour(workspace, in_hours=2)
    until_step(azure, operation, "await_window")
    both_clocks(azure, 2 * HOUR + timedelta(minutes=1))
    step_by_step(azure, operation, "fail_over")
    both_clocks(azure, 3 * HOUR)
    before = len(azure.effects())
    work_a_while(azure, rounds=20)
    operation.refresh_from_db()
    assert changes_since(azure, before) == []
    assert (operation.step, operation.waits_on.partition(":")[0]) == ("await_window", "window")
    assert not operation.locks.exists()

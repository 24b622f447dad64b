"""Owners are told of each window in which their connections may drop, in words that mean something, and of their pools."""

from __future__ import annotations

from datetime import datetime, timedelta

from inventory.models import Database, ElasticPool, Workspace
from notifications.kinds import text_of
from operations import clock
from operations.models import Operation, OutboxEvent
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.pools import request_move
from provisioning.restores import RestoreWish, request_restore
from provisioning.services import request_deletion
from tests.local_azure import LocalAzure, run_one_step, run_until_settled, until_step, work
from tests.rehoming import a_server_in_the_making, rehome
from tests.rotating import a_ready_database
from tests.waiting import DAY, HOUR, MINUTE, both_clocks, open_once, seen, work_a_while


def of_pools() -> list[tuple[str, str, str]]:
    found = OutboxEvent.objects.filter(kind__startswith="pool.database").order_by("sequence")
    return list(found.values_list("kind", "data__pool", "data__database"))


def started() -> list[datetime]:
    found = OutboxEvent.objects.filter(kind="change.started").order_by("sequence")
    return [datetime.fromisoformat(one) for one in found.values_list("data__opens_at", flat=True)]


def moving(azure: LocalAzure, workspace: Workspace) -> Operation:
    a_ready_database(azure, workspace=workspace)
    database = Database.objects.select_related("pool", "server", "service__workspace").get()
    return request_move(database, actor="operator", reason="load", consent=ACCEPTED)


def test_a_start_is_told_in_each_window_and_once(azure: LocalAzure, workspace: Workspace) -> None:
    opens = clock.now() + 2 * HOUR
    open_once(workspace, 2 * HOUR)
    operation = moving(azure, workspace)
    work_a_while(azure)
    clock.advance(2 * HOUR, business=True)
    azure.pass_time(4400)
    while seen(operation).step == "await_window":
        assert run_one_step()
    both_clocks(azure, 5 * HOUR)  # the workers are away
    for _ in range(8 * 48):
        both_clocks(azure, HOUR / 2)
        work()
    assert seen(operation).state == Operation.State.SUCCEEDED
    first, second = started()
    assert first < opens + HOUR < opens + 7 * DAY - MINUTE <= second <= opens + 7 * DAY + HOUR
    scheduled = OutboxEvent.objects.filter(kind="change.scheduled").values_list("data__opens_at", flat=True)
    assert [datetime.fromisoformat(one).date() for one in scheduled] == [opens.date(), (opens + 7 * DAY).date()]


def test_without_windows_no_end_is_told(azure: LocalAzure, workspace: Workspace) -> None:
    moving(azure, workspace)
    run_until_settled(azure)
    event = OutboxEvent.objects.get(kind="change.started")
    assert "ends_at" not in event.data
    assert text_of(event.kind, event.data).endswith(f"{event.data['opens_at']} on.")


def test_an_undeleted_database_is_told_to_join_its_pool(azure: LocalAzure, workspace: Workspace) -> None:
    database = a_ready_database(azure, workspace=workspace)
    both_clocks(azure, HOUR)
    request_deletion(database.service, actor="owner")
    run_until_settled(azure, seconds=60)
    OutboxEvent.objects.all().delete()
    request_restore(workspace, RestoreWish("claims"), actor="owner")
    run_until_settled(azure, seconds=60)
    work_a_while(azure, rounds=10, seconds=60)
    database.refresh_from_db()
    assert of_pools() == [("pool.database_joined", database.observed_pool_name, database.azure_name)]


def test_a_restore_into_another_pool_is_told(azure: LocalAzure, workspace: Workspace) -> None:
    database = a_ready_database(azure, workspace=workspace)
    both_clocks(azure, HOUR)
    database.refresh_from_db()
    former = database.observed_pool_name, database.azure_name
    ElasticPool.objects.update(is_cordoned=True)
    OutboxEvent.objects.all().delete()
    moment = clock.now() - timedelta(minutes=10)
    request_restore(workspace, RestoreWish("claims", moment), actor="owner")
    run_until_settled(azure, seconds=60)
    work_a_while(azure, rounds=10, seconds=60)
    database.refresh_from_db()
    now = database.observed_pool_name, database.azure_name
    assert of_pools() == [("pool.database_left", *former), ("pool.database_joined", *now)]


def test_the_old_place_of_a_move_across_goes_in_a_window(azure: LocalAzure, workspace: Workspace) -> None:
    database = a_ready_database(azure, workspace=workspace)
    a_server_in_the_making()
    run_until_settled(azure)
    opens = open_once(workspace, 2 * HOUR)
    operation = rehome(database)
    for _ in range(90):
        work()
        both_clocks(azure, 3 * MINUTE)
    assert seen(operation).step == "await_followers"
    both_clocks(azure, 14 * HOUR)  # its time is over, outside of any window
    work_a_while(azure)
    assert (seen(operation).step, len(azure.resources("databases"))) == ("await_parting", 2)
    while seen(operation).state != Operation.State.SUCCEEDED:
        work()
        both_clocks(azure, HOUR / 4)
        assert clock.now() < opens + 7 * DAY + HOUR
    assert clock.now() >= opens + 7 * DAY


def test_who_has_followed_waits_for_no_window(azure: LocalAzure, workspace: Workspace) -> None:
    database = a_ready_database(azure, workspace=workspace)
    a_server_in_the_making()
    run_until_settled(azure)
    operation = rehome(database)
    until_step(azure, operation, "await_followers")
    open_once(workspace, 5 * DAY)
    request_deletion(database.service, actor="owner")
    run_until_settled(azure, seconds=60)
    assert seen(operation).is_terminal

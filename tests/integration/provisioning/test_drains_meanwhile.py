"""A pool is drained while another operation holds room in it for what comes, or for what has just left."""

from __future__ import annotations

from inventory.models import Database, ElasticPool, Workspace
from operations import clock
from operations.models import Operation
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.pools import plan_drain, request_drain
from provisioning.changes.restoring import restore
from provisioning.restores import RestoreWish
from tests.crash import judging
from tests.integration.provisioning.test_restore_database import a_database_with_backups
from tests.local_azure import LocalAzure, run_until_settled, until_step
from tests.rehoming import a_server_in_the_making, rehome
from tests.rotating import a_ready_database
from tests.waiting import DAY, HOUR, both_clocks, freeze_fleet, seen, work_a_while


def drain(pool_id: object) -> Operation:
    pool = ElasticPool.objects.select_related("server").get(pk=pool_id)
    return request_drain(pool, actor="operator", reason="It is retired.", consent=ACCEPTED)


def assert_empty(pool_id: object) -> None:
    assert not Database.objects.filter(pool_id=pool_id, holds_room=True).exists()
    assert [*judging.counters(), *judging.left_behind()] == []


def test_a_drain_waits_for_the_old_place_of_what_has_moved_to_another_server(azure: LocalAzure, workspace: Workspace):
    row = a_ready_database(azure, workspace=workspace)
    a_server_in_the_making()
    run_until_settled(azure)
    move = rehome(row)
    until_step(azure, move, "await_followers")
    left = Database.objects.get(stands_in_for=row).pool
    assert left is not None
    plan = plan_drain(left, actor="operator", reason="It is retired.")
    assert plan.change is not None
    assert plan.change.changes == ()
    operation = drain(left.pk)
    work_a_while(azure)
    assert (seen(operation).state, operation.error_code) == ("running", "")
    both_clocks(azure, 13 * HOUR)
    run_until_settled(azure, seconds=60)
    assert (seen(operation).state, seen(move).state) == ("succeeded", "succeeded")
    assert_empty(left.pk)


def test_a_drain_moves_what_a_restore_has_brought(azure: LocalAzure, workspace: Workspace):
    row = a_database_with_backups(azure, workspace)
    back = restore(workspace, RestoreWish("claims", clock.now() - HOUR / 2), actor="owner", consent=ACCEPTED)
    until_step(azure, back, "await_restore")
    operation = drain(row.pool_id)
    work_a_while(azure, rounds=4, seconds=5)
    assert (seen(operation).state, operation.error_code) == ("running", "")
    run_until_settled(azure, seconds=60)
    assert (seen(operation).state, seen(back).state) == ("succeeded", "succeeded")
    assert_empty(row.pool_id)


def test_a_drain_waits_as_long_as_a_restore_waits_for_its_window(azure: LocalAzure, workspace: Workspace):
    row = a_database_with_backups(azure, workspace)
    freeze_fleet(10 * DAY)
    back = restore(workspace, RestoreWish("claims", clock.now() - HOUR / 2), actor="owner", consent=ACCEPTED)
    until_step(azure, back, "await_window")
    operation = drain(row.pool_id)
    for _ in range(9):
        both_clocks(azure, DAY)
        work_a_while(azure, rounds=3, seconds=60)
    assert (seen(operation).state, seen(back).state) == ("running", "running")

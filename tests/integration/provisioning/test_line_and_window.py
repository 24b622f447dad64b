"""Who stood in line, or goes a way of several hops, still keeps the window; an operator's word outlives its owner's."""

from __future__ import annotations

from inventory.models import Workspace
from operations import clock
from operations.decisions import abandon
from operations.models import Operation
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.ways import Wish, request_way
from provisioning.conversions import ConversionWish, Cutover, consent, request_conversion
from provisioning.windows import start_now
from tests.crash import judging
from tests.local_azure import LocalAzure, run_until_settled, until_step, work
from tests.rehoming import a_server_in_the_making, rehome
from tests.rotating import a_ready_database
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


def switched(azure: LocalAzure) -> bool:
    return any("failover" in str(effect["operation"]).lower() for effect in azure.effects())


def test_a_freeze_that_is_declared_while_a_switch_to_another_server_stands_in_line_holds_it(
    azure: LocalAzure, workspace: Workspace
):
    database = a_ready_database(azure, workspace=workspace)
    a_server_in_the_making()
    run_until_settled(azure)
    other = in_the_way(database.key)  # as a rotation of its credential
    operation = rehome(database)
    until_step(azure, operation, "hold_database")
    freeze_fleet(30 * DAY)
    out_of_the_way(other)
    Operation.objects.filter(pk=operation.pk).update(due_at=clock.database_now())
    work_a_while(azure)
    assert (seen(operation).step, switched(azure)) == ("await_window", False)


def test_a_switch_to_another_server_whose_turn_came_after_its_window_waits_for_the_next(
    azure: LocalAzure, workspace: Workspace
):
    database = a_ready_database(azure, workspace=workspace)
    a_server_in_the_making()
    run_until_settled(azure)
    opens = open_once(workspace, 2 * HOUR)
    operation = rehome(database)
    while seen(operation).step != "await_window":
        work()
        both_clocks(azure, 2 * MINUTE)
        assert clock.now() < opens
    other = in_the_way(database.key)
    while seen(operation).step != "hold_database":
        work()
        both_clocks(azure, 2 * MINUTE)
        assert clock.now() < opens + HOUR
    both_clocks(azure, 5 * HOUR)
    out_of_the_way(other)
    Operation.objects.filter(pk=operation.pk).update(due_at=clock.database_now())
    work_a_while(azure)
    assert (seen(operation).step, switched(azure)) == ("await_window", False)


def test_a_way_in_hops_waits_for_its_window_as_long_as_its_owner_wants(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    assert database.service is not None
    freeze_fleet(60 * DAY)
    operation = request_way(database.service, Wish(zone_redundant=True), actor="tests", consent=ACCEPTED)
    assert operation is not None
    work_a_while(azure)
    hop = Operation.objects.get(parent=operation)
    assert hop.waits_on.startswith("window:")
    for _ in range(35):
        both_clocks(azure, DAY)
        work_a_while(azure, rounds=2)
    assert (seen(operation).state, seen(hop).state) == ("running", "running"), operation.error_code


def test_a_consent_takes_no_operators_word_over_freezes_away(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    assert database.service is not None
    freeze_fleet(10 * DAY)
    operation = request_conversion(database.service, ConversionWish(Cutover.CONSENT), actor="owner")
    work_a_while(azure, rounds=5)
    assert seen(operation).waits_on.startswith("window:")
    start_now(operation, actor="operator", reason="incident", over_freezes=True)
    until_step(azure, operation, "await_consent")
    consent(operation, actor="owner")
    run_until_settled(azure, seconds=60)
    assert seen(operation).state == "succeeded"


def test_a_way_that_is_given_up_stops_the_hop_that_is_under_way(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    assert database.service is not None
    assert database.pool is not None
    other = in_the_way(database.pool.key)
    way = request_way(database.service, Wish(zone_redundant=True), actor="tests", consent=ACCEPTED)
    assert way is not None
    work_a_while(azure)
    for _ in range(31):
        both_clocks(azure, DAY)
        work_a_while(azure, rounds=2)
    assert (seen(way).state, way.error_code) == ("needs_attention", "DeadlinePassed")
    abandon(way, actor="operator", reason="It is not needed any more.")
    out_of_the_way(other)
    run_until_settled(azure)
    assert (seen(way).state, Operation.objects.get(parent=way).state) == ("failed", "cancelled")
    assert [*judging.counters(), *judging.left_behind()] == []

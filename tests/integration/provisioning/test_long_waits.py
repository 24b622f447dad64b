"""Who waits for long keeps nobody from the pool: neither neighbours, nor a resize, nor a repair."""

from __future__ import annotations

import pytest
from django.db import transaction

from cloud.changes import PoolChange
from inventory.models import Database, ElasticPool, Workspace
from operations import clock, locks
from operations.models import Operation
from operations.services import submit
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.pools import PoolWish, request_resize
from provisioning.conversions import ConversionWish, Cutover, consent
from provisioning.drift import repairs
from provisioning.holding import place_locks
from provisioning.services import ServiceWish, request_deletion, request_service
from tests.builders import GIB
from tests.crash import judging
from tests.drifting import change_pool_outside, look
from tests.integration.provisioning.test_convert import begin, ended
from tests.local_azure import LocalAzure, run_until_settled, until_step, work
from tests.rehoming import a_server_in_the_making, rehome
from tests.rotating import a_ready_database
from tests.waiting import DAY, HOUR, MINUTE, both_clocks, open_once, out_of_the_way, seen

CONSENT = ConversionWish(Cutover.CONSENT)


@pytest.fixture
def database(azure: LocalAzure, workspace: Workspace) -> Database:
    """It has a neighbour in its pool."""
    a_ready_database(azure, "neighbour", workspace=workspace)
    row = a_ready_database(azure, workspace=workspace)
    return Database.objects.select_related("pool__server", "server", "service__workspace").get(pk=row.pk)


def pass_hours(azure: LocalAzure, hours: int) -> None:
    for _ in range(hours * 4):
        work()
        both_clocks(azure, 15 * MINUTE)
        work()


def neighbours_come_and_go(azure: LocalAzure, workspace: Workspace) -> list[str]:
    """States of a creation and of a removal, after two hours."""
    came = request_service(workspace, ServiceWish("newcomer", "fhir", 50 * GIB), actor="tests").operation
    assert came is not None
    neighbour = Database.objects.get(service__name="neighbour")
    assert neighbour.service is not None
    gone = request_deletion(neighbour.service, actor="tests")
    pass_hours(azure, 2)
    return [seen(operation).state for operation in (came, gone)]


def resize(database: Database) -> Operation:
    pool = ElasticPool.objects.select_related("server").get(pk=database.pool_id)
    operation = request_resize(pool, PoolWish(16), actor="operator", consent=ACCEPTED)
    work()
    return operation


def test_who_waits_for_a_word_keeps_neither_a_resize_nor_neighbours(
    azure: LocalAzure, workspace: Workspace, database: Database
):
    conversion = begin(database, CONSENT)
    until_step(azure, conversion, "await_consent")
    resized = resize(database)
    assert neighbours_come_and_go(azure, workspace) == ["succeeded", "succeeded"]
    assert (seen(resized).state, seen(conversion).step) == ("succeeded", "await_consent")
    consent(conversion, actor="owner")
    assert ended(azure, conversion).state == "succeeded"
    assert [*judging.counters(), *judging.left_behind()] == []


def test_who_waits_for_his_window_to_switch_holds_no_lock(azure: LocalAzure, workspace: Workspace, database: Database):
    open_once(workspace, 12 * HOUR)
    conversion = begin(database)
    until_step(azure, conversion, "await_window")
    assert not conversion.locks.exists()
    pass_hours(azure, 13)
    assert seen(conversion).state == "succeeded"


def test_a_switch_waits_for_a_resize_that_came_in_between(azure: LocalAzure, database: Database):
    conversion = begin(database, CONSENT)
    until_step(azure, conversion, "await_consent")
    resized = resize(database)
    until_step(azure, resized, "await_resize")
    consent(conversion, actor="owner")
    work()
    assert seen(conversion).step == "hold_for_switch"
    assert ended(azure, conversion).state == "succeeded"
    assert seen(resized).state == "succeeded"


def test_an_old_place_that_is_kept_for_reading_keeps_nobody_from_its_pool(
    azure: LocalAzure, workspace: Workspace, database: Database
):
    a_server_in_the_making()
    run_until_settled(azure)
    move = rehome(database)
    until_step(azure, move, "await_followers")
    resized = resize(database)
    assert neighbours_come_and_go(azure, workspace) == ["succeeded", "succeeded"]
    assert (seen(resized).state, seen(move).step) == ("succeeded", "await_followers")
    pass_hours(azure, 12)
    run_until_settled(azure)
    assert seen(move).state == "succeeded"
    assert [*judging.counters(), *judging.left_behind()] == []


def test_a_repair_of_the_pool_keeps_no_neighbour_waiting(azure: LocalAzure, workspace: Workspace, database: Database):
    conversion = begin(database, CONSENT)
    until_step(azure, conversion, "await_consent")
    change_pool_outside(azure, database, PoolChange(per_database_vcores=(0, 2)))
    azure.pass_time(200)
    look(azure, times=2)
    assert repairs.repair_due() == 1
    work()
    assert neighbours_come_and_go(azure, workspace) == ["succeeded", "succeeded"]
    assert Operation.objects.get(kind="repair_pool").state == "succeeded"


def test_who_wants_the_pool_alone_behind_a_long_copy_lets_neighbours_pass(
    azure: LocalAzure, workspace: Workspace, database: Database
):
    """Azure itself refuses to change a pool meanwhile; what comes and goes beside the copy needs not wait."""
    assert database.pool is not None
    copying = submit("move_database", target="database:another", actor="tests", wish={})
    Operation.objects.filter(pk=copying.pk).update(due_at=clock.database_now() + 30 * DAY)
    with transaction.atomic():
        assert locks.request(copying, place_locks(database, "copies for days"))
    resized = resize(database)
    assert neighbours_come_and_go(azure, workspace) == ["succeeded", "succeeded"]
    assert seen(resized).step == "hold_pool"
    out_of_the_way(copying)
    pass_hours(azure, 1)
    assert seen(resized).state == "succeeded"

"""A converted database goes back into a pool, in time, and its owner is told before that time ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory.models import Database, ElasticPool, SqlServer, Workspace
from inventory.states import Status
from operations import clock
from operations.errors import OperationInProgress
from operations.models import AuditEvent, Operation, OutboxEvent
from operations.services import cancel
from provisioning.errors import ReturnNotPossible
from provisioning.returns import alert_ending, request_return
from tests.builders import GIB
from tests.integration.provisioning.test_convert import begin, ended, is_open, rooms, tier_in_azure
from tests.local_azure import LocalAzure, until_step, work
from tests.rotating import a_ready_database, can_sign_in, published

DAY = timedelta(days=1)


def a_converted_database(azure: LocalAzure, workspace: Workspace) -> Database:
    database = a_ready_database(azure, workspace=workspace)
    assert ended(azure, begin(database)).state == Operation.State.SUCCEEDED
    database.refresh_from_db()
    return database


def go_back(database: Database, **wish: int) -> Operation:
    assert database.service is not None
    return request_return(database.service, actor="tests", **wish)


def test_a_converted_database_goes_back_into_a_pool(azure: LocalAzure, workspace: Workspace):
    before = a_converted_database(azure, workspace)
    document = published(azure, before)
    operation = ended(azure, go_back(before))
    assert operation.state == Operation.State.SUCCEEDED, (operation.step, operation.error_code, operation.error_message)
    database = Database.objects.get(pk=before.pk)
    assert (database.status, database.service_tier, database.vcores) == (Status.READY, "GeneralPurpose", None)
    assert (database.azure_name, database.converted_at) == (before.azure_name, None)
    assert tier_in_azure(azure) == ["GeneralPurpose"]
    pool = ElasticPool.objects.get()
    assert azure.resources("databases")[0].properties["elasticPoolId"].endswith(pool.azure_name)
    assert (database.pool_id, rooms()) == (pool.pk, (1, 1, pool.vcores))
    assert published(azure, database) == document
    assert can_sign_in(document)


def test_a_connected_client_is_dropped_twice_on_the_way_back(azure: LocalAzure, workspace: Workspace):
    database = a_converted_database(azure, workspace)
    document = published(azure, database)
    operation, session, drops = go_back(database), azure.session(document), 0
    while not Operation.objects.get(pk=operation.pk).is_terminal:
        work()
        if not is_open(session):
            drops += 1
            for _ in range(40):
                if can_sign_in(document):
                    break
                azure.pass_time(5)
            session = azure.session(document)
        azure.pass_time(5)
    operation.refresh_from_db()
    assert (operation.state, drops) == ("succeeded", 2)


def test_a_cancel_takes_it_back_while_azure_copies(azure: LocalAzure, workspace: Workspace):
    database = a_converted_database(azure, workspace)
    session, before = azure.session(published(azure, database)), rooms()
    operation = go_back(database)
    until_step(azure, operation, "await_return")
    cancel(operation, actor="owner")
    assert ended(azure, operation).state == Operation.State.CANCELLED
    database.refresh_from_db()
    assert (database.status, database.service_tier) == (Status.READY, "Hyperscale")
    assert (rooms(), is_open(session), tier_in_azure(azure)) == (before, True, ["Hyperscale"])


def test_a_cancel_that_comes_during_azure_s_switch_goes_forward(azure: LocalAzure, workspace: Workspace):
    database = a_converted_database(azure, workspace)
    operation = go_back(database)
    until_step(azure, operation, "await_return")
    while not azure.resources("databases")[0].inner.get("unavailable"):
        azure.pass_time(1)
        azure.azure.arm.operations.settle()
    cancel(operation, actor="owner")
    assert ended(azure, operation).state == Operation.State.SUCCEEDED
    database.refresh_from_db()
    assert (database.service_tier, database.pool is None) == ("GeneralPurpose", False)


def test_data_that_do_not_fit_are_refused_before_anything_begins(azure: LocalAzure, workspace: Workspace):
    database = a_converted_database(azure, workspace)
    resource = azure.resources("databases")[0]
    change = {"since": int(azure.azure.clock.now() // 60), "storage_gb": 300.0}
    kept = {"database": resource.id, "changes": [change]}
    azure.azure.store.put("workload", resource.properties["databaseId"], kept)
    effects, before = len(azure.effects()), rooms()
    operation = ended(azure, go_back(database, size_bytes=200 * GIB))
    assert (operation.state, operation.error_code) == ("failed", "DataDoesNotFit")
    assert (rooms(), len(azure.effects())) == (before, effects)


def test_after_45_days_it_is_refused(azure: LocalAzure, workspace: Workspace):
    database = a_converted_database(azure, workspace)
    clock.advance(46 * DAY, business=True)
    with pytest.raises(ReturnNotPossible):
        go_back(database)


def test_the_owner_is_told_seven_days_and_one_day_before(azure: LocalAzure, workspace: Workspace):
    database = a_converted_database(azure, workspace)
    told = []
    for _ in range(46):
        clock.advance(DAY, business=True)
        told.append(alert_ending() + alert_ending())
    assert [day for day, count in enumerate(told, start=1) if count] == [38, 44]
    events = OutboxEvent.objects.filter(kind="database.return_ending").order_by("sequence")
    assert [(event.workspace, event.target, event.data["days"]) for event in events] == [
        ("cigna", database.key, 7),
        ("cigna", database.key, 1),
    ]
    assert AuditEvent.objects.filter(action="database.return_ending").count() == 2


def test_a_second_conversion_begins_the_45_days_anew(azure: LocalAzure, workspace: Workspace):
    database = a_converted_database(azure, workspace)
    clock.advance(44 * DAY, business=True)
    assert alert_ending() == 1
    assert ended(azure, go_back(database)).state == Operation.State.SUCCEEDED
    database.refresh_from_db()
    assert ended(azure, begin(database)).state == Operation.State.SUCCEEDED
    database.refresh_from_db()
    assert database.return_alerted_days is None
    assert alert_ending() == 0


def test_vcores_of_the_time_between_are_given_back(azure: LocalAzure, workspace: Workspace):
    database = a_converted_database(azure, workspace)
    operation = go_back(database, size_bytes=2000 * GIB)
    until_step(azure, operation, "await_return")
    assert operation.input["vcores"] == 8
    during = SqlServer.objects.get().vcores_committed
    assert ended(azure, operation).state == Operation.State.SUCCEEDED
    pools = sum(pool.vcores for pool in ElasticPool.objects.all())
    assert (during, SqlServer.objects.get().vcores_committed) == (pools + 8, pools)


def test_another_wish_is_not_answered_by_the_one_that_runs(azure: LocalAzure, workspace: Workspace):
    database = a_converted_database(azure, workspace)
    running = go_back(database)
    assert go_back(database) == running
    with pytest.raises(OperationInProgress) as refused:
        go_back(database, size_bytes=2000 * GIB)
    assert refused.value.operation == running

"""One look at a time counts: older looks and observers that were replaced change nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cloud import factory
from cloud.protocols import ObservedDatabase, Sku
from inventory.models import Database, SqlServer, Workspace
from operations.clock import DatabaseNow, database_now
from operations.models import Operation
from operations.outcomes import Next, Wait
from provisioning import awaiting, observe
from provisioning.observe import Look, Recorded, record_look
from provisioning.services import ServiceWish, request_service
from tests.builders import a_database, a_server
from tests.local_azure import LocalAzure, run_until_settled

IDLE_SECONDS = 400
LATER = timedelta(seconds=30)


def test_a_look_that_began_earlier_does_not_overwrite_a_later_one(azure: LocalAzure, workspace: Workspace):
    now = database_now()
    server = a_server(workspace.region)
    database = a_database(server=server, status="ready", observed_status="Online", observed_at=now)
    record_look(server, Look(now - LATER, None, (), ()))
    database.refresh_from_db()
    assert (database.observed_status, database.observed_at) == ("Online", now)
    record_look(server, Look(now + LATER, None, (), ()))
    database.refresh_from_db()
    assert database.observed_status == awaiting.ABSENT


def test_an_observer_that_was_replaced_writes_nothing_of_the_server(azure: LocalAzure, workspace: Workspace):
    server = a_server(workspace.region, status="creating", observe_token=uuid4())
    SqlServer.objects.filter(pk=server.pk).update(observe_token=uuid4(), observed_state="Ready")
    record_look(server, Look(database_now(), None, (), ()))
    server.refresh_from_db()
    assert server.observed_state == "Ready"


def test_an_observer_that_was_replaced_writes_nothing_of_what_is_on_the_server(azure: LocalAzure, workspace: Workspace):
    server = a_server(workspace.region, observe_token=uuid4())
    database = a_database(server=server, status="ready")
    SqlServer.objects.filter(pk=server.pk).update(observe_token=uuid4())
    record_look(server, Look(database_now(), None, (), ()))
    database.refresh_from_db()
    assert database.observed_at is None


def test_what_is_as_it_was_is_not_written_and_yet_known_to_have_been_seen(azure: LocalAzure, workspace: Workspace):
    request_service(workspace, ServiceWish("claims", "fhir", 2**30), actor="tests")
    run_until_settled(azure)
    before = Database.objects.get()
    azure.pass_time(IDLE_SECONDS)
    with CaptureQueriesContext(connection) as queries:
        observe.observe_due()
    after = Database.objects.select_related("server").get()
    assert [q["sql"] for q in queries if "UPDATE" in q["sql"] and "inventory_database" in q["sql"]] == []
    assert after.observed_at == before.observed_at
    assert after.seen_at == after.server.listed_at > before.observed_at + timedelta(seconds=IDLE_SECONDS - 1)


@pytest.mark.parametrize(
    ("quiet_seconds", "rows", "changed", "seconds"),
    [
        (0, 0, False, 1),
        (100, 0, False, 2),
        (100, 500, False, 12),
        (100_000, 500, False, 30),
        (100_000, 900, True, 1.5),
    ],
)
def test_a_server_is_looked_at_less_often_the_longer_nothing_has_changed_and_the_more_stands_there(
    quiet_seconds: int, rows: int, changed: bool, seconds: float
):
    now = timezone.now()
    server = SqlServer(stirred_at=now - timedelta(seconds=quiet_seconds))
    seen = Recorded(changed=("database:1",) if changed else ())
    assert observe.pace(server, Look(now, None, (), [a_sight()] * rows), seen) == pytest.approx(seconds)


def test_what_begins_on_a_server_during_a_look_is_looked_at_soon(azure: LocalAzure, workspace: Workspace):
    server = a_server(workspace.region, status="creating")

    def meanwhile(name: str, call: Callable[[], object]) -> object:
        SqlServer.objects.filter(pk=server.pk).update(status="ready", stirred_at=DatabaseNow())
        return call()

    azure.around = meanwhile
    observe.observe_due()
    server.refresh_from_db()
    assert server.observe_due_at - database_now() < timedelta(seconds=2)


def a_sight() -> ObservedDatabase:
    return ObservedDatabase(
        name="d",
        arm_id="/d",
        status="Online",
        sku=Sku("ElasticPool", "GeneralPurpose"),
        objective="ElasticPool",
        requested_objective="ElasticPool",
        pool_name=None,
        max_size_bytes=2**30,
        backup_redundancy="Geo",
        zone_redundant=False,
        tags={},
    )


def test_an_observer_that_was_replaced_does_not_end_the_others_lease(azure: LocalAzure, workspace: Workspace):
    server = a_server(workspace.region, status="creating")
    until = database_now() + LATER

    def replaced(name: str, call: object) -> object:
        SqlServer.objects.filter(pk=server.pk).update(observe_token=uuid4(), observe_lease_until=until)
        return call()  # type: ignore[operator]

    azure.around = replaced
    observe.observe_due()
    server.refresh_from_db()
    assert server.observe_lease_until == until


def test_on_a_server_that_never_came_to_be_is_nothing(azure: LocalAzure, workspace: Workspace):
    server = a_server(workspace.region, status="failed")
    SqlServer.objects.update(subscription=azure.subscription_id)
    factory.sql_management().ensure_resource_group(azure.subscription_id, server.resource_group, "eastus", {})
    database = a_database(server=server, status="deleting")
    observe.observe_due()
    database.refresh_from_db()
    assert database.observed_status == awaiting.ABSENT


def test_what_was_seen_before_the_request_says_nothing_about_it():
    now = timezone.now()
    operation = Operation(claimed_at=now, choices={"accepted_at": now.isoformat()})
    seen = Database(observed_status="Online", observed_at=now - LATER)
    assert isinstance(_await(operation, seen), Wait)
    seen.observed_at = now + LATER
    assert _await(operation, seen) == Next(to="on")


def _await(operation: Operation, row: Database) -> object:
    return awaiting.await_state(
        operation, row, state=row.observed_status, wanted="Online", then="on", examine="examine"
    )

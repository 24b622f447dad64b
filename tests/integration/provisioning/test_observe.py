"""One look at a time counts: older looks and observers that were replaced change nothing."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from inventory.models import Database, SqlServer, Workspace
from operations.clock import database_now
from operations.models import Operation
from operations.outcomes import Next, Wait
from provisioning import awaiting, observe
from provisioning.observe import Look, record_look
from tests.builders import a_database, a_server
from tests.local_azure import LocalAzure

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

"""The audit log: in the same transaction as the change, and never changed afterwards."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection, transaction

from operations import audit
from operations.models import AuditEvent, Operation
from operations.services import submit

from .conftest import World
from .toys import a_toy, run_until_quiet

FORBIDDEN = {
    "update": "UPDATE operations_audit_event SET actor = 'somebody else'",
    "delete": "DELETE FROM operations_audit_event",
    "truncate": "TRUNCATE operations_audit_event",
    "drop": "DROP TABLE operations_audit_event",
    "disable the trigger": "ALTER TABLE operations_audit_event DISABLE TRIGGER ALL",
    "detach a month": "ALTER TABLE operations_audit_event DETACH PARTITION operations_audit_event_rest",
    "move the clocks": "UPDATE operations_clock SET lease_offset = '1 hour'",
}


@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN)
def test_the_application_role_may_not(world: World, application_connection: psycopg.Connection, statement: str):
    audit.record("test.happened", actor="tests")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        application_connection.execute(statement)


def test_the_application_role_reaches_no_month_by_its_own_name(
    world: World, application_connection: psycopg.Connection
):
    audit.record("test.happened", actor="tests")
    rows = application_connection.execute(
        "SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid"
        " WHERE inhparent = 'operations_audit_event'::regclass"
    ).fetchall()
    assert len(rows) >= 5, "this month, the coming three and the rest"
    for (partition,) in rows:
        for statement in (f"UPDATE {partition} SET actor = 'x'", f"DELETE FROM {partition}", f"TRUNCATE {partition}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application_connection.execute(statement)


def test_the_application_role_may_add_and_read(world: World, application_connection: psycopg.Connection):
    insert = "INSERT INTO operations_audit_event (id, actor, action) VALUES (gen_random_uuid(), 'app', 'test.added')"
    application_connection.execute(insert)
    assert application_connection.execute("SELECT action FROM operations_audit_event").fetchall() == [("test.added",)]


@pytest.mark.parametrize("statement", [FORBIDDEN["update"], FORBIDDEN["delete"], FORBIDDEN["truncate"]])
def test_even_the_owner_is_stopped_by_the_second_line(world: World, statement: str):
    audit.record("test.happened", actor="tests")
    with pytest.raises(Exception, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_no_change_without_its_event(world: World):
    with transaction.atomic():
        submit("toy", target="thing:1", actor="tests")
        transaction.set_rollback(True)
    assert not Operation.objects.exists()
    assert not AuditEvent.objects.exists()


def test_events_of_steps_name_the_request_that_asked(world: World):
    token = audit.request_id.set("request-7")
    operation = a_toy()
    audit.request_id.reset(token)
    run_until_quiet()
    assert set(AuditEvent.objects.filter(operation_id=operation.pk).values_list("request_id", flat=True)) == {
        "request-7"
    }

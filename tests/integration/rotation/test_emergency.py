"""In an emergency both users are replaced, sessions ended and versions disabled, whatever else was going on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloud.sql_failures import SqlFailure
from operations import clock
from operations.models import AuditEvent, Operation
from operations.services import cancel, retry
from rotation.emergency import Reach, ReasonMissing, Scope, request_emergency
from rotation.models import Credential
from rotation.names import credential_key
from rotation.services import request_rotation
from tests.builders import a_region, a_workspace
from tests.integration.rotation.test_rotate import rotated, statuses
from tests.local_azure import LocalAzure, run_one_step, run_until_settled, work, work_alone
from tests.rotating import a_ready_database, can_sign_in, enabled_versions, published, versions_in_use

EVERYTHING = Reach(Scope.EVERYTHING)


def emergency(azure: LocalAzure, reach: Reach = EVERYTHING) -> Operation:
    operation = request_emergency(reach, actor="tests", reason="A laptop was stolen.")
    run_until_settled(azure)
    operation.refresh_from_db()
    return operation


def test_every_password_that_was_known_stops_working(azure: LocalAzure):
    databases = [a_ready_database(azure, "claims"), a_ready_database(azure, "imaging")]
    known = [published(azure, database) for database in databases]
    sessions = [azure.session(document) for document in known]
    assert emergency(azure).state == "succeeded"
    assert [can_sign_in(document) for document in known] == [False, False]
    assert all(can_sign_in(published(azure, database)) for database in databases)
    for session in sessions:
        with pytest.raises(SqlFailure):
            session.execute("SELECT 1")
    for database in databases:
        assert enabled_versions(azure, database) == versions_in_use(database)


def test_an_overlapping_user_is_replaced_as_well_and_its_sessions_end(azure: LocalAzure):
    database = a_ready_database(azure)
    first = published(azure, database)
    session = azure.session(first)
    rotated(azure, database)
    second = published(azure, database)
    assert emergency(azure).state == "succeeded"
    third = published(azure, database)
    assert third["user"] == first["user"]
    assert [can_sign_in(document) for document in (first, second, third)] == [False, False, True]
    with pytest.raises(SqlFailure):
        session.execute("SELECT 1")
    assert sorted(statuses(database).values()) == ["active", "retired"]
    assert enabled_versions(azure, database) == versions_in_use(database)


@pytest.mark.parametrize("steps", range(10))
def test_it_comes_right_at_any_moment_of_a_rotation(azure: LocalAzure, steps: int):
    database = a_ready_database(azure)
    known = [published(azure, database)]
    request_rotation(database, actor="tests")
    for _ in range(steps):
        run_one_step()
    known.append(published(azure, database))
    assert emergency(azure).state == "succeeded"
    assert not any(can_sign_in(document) for document in known)
    assert can_sign_in(published(azure, database))
    assert enabled_versions(azure, database) == versions_in_use(database)


def test_a_workspace_is_replaced_without_touching_its_neighbours(azure: LocalAzure):
    mine = a_ready_database(azure, "claims", a_workspace("cigna", a_region()))
    other = a_ready_database(azure, "claims", a_workspace("aetna", a_region()))
    assert mine.service is not None
    before = published(azure, other)
    emergency(azure, Reach(Scope.WORKSPACE, mine.service.workspace_id))
    assert published(azure, other) == before
    assert Credential.objects.get(database=mine, status="active").slot == "b"


def test_the_worst_come_first_and_the_reason_is_kept(azure: LocalAzure):
    small, doubled = a_ready_database(azure, "small"), a_ready_database(azure, "doubled")
    rotated(azure, doubled)
    assert [row.database_id for row in EVERYTHING.credentials()] == [doubled.pk, small.pk]
    operation = emergency(azure)
    assert operation.choices["begun"] == 2
    told = AuditEvent.objects.filter(action="credential.promoted", reason="A laptop was stolen.")
    assert told.count() == 2
    assert AuditEvent.objects.filter(action="credentials.emergency_succeeded").count() == 1


def test_without_a_reason_nothing_happens(azure: LocalAzure):
    with pytest.raises(ReasonMissing):
        request_emergency(EVERYTHING, actor="tests", reason=" ")
    assert work() == 0


def test_a_retry_begins_anew_what_was_given_up(azure: LocalAzure):
    first, second = a_ready_database(azure, "claims"), a_ready_database(azure, "imaging")
    known = [published(azure, first), published(azure, second)]
    operation = request_emergency(EVERYTHING, actor="tests", reason="A laptop was stolen.")
    work_alone(operation)
    cancel(Operation.objects.get(target_key=credential_key(first)), actor="operator:eve")
    run_until_settled(azure)
    operation.refresh_from_db()
    assert (operation.state, operation.error_code) == ("needs_attention", "NotAllReplaced")
    assert [can_sign_in(document) for document in known] == [True, False]
    kept = published(azure, second)
    retry(operation, actor="operator:alice", reason="Eve was wrong.")
    run_until_settled(azure)
    operation.refresh_from_db()
    assert operation.state == "succeeded"
    assert not any(can_sign_in(document) for document in known)
    assert published(azure, second) == kept, "what was replaced is left alone"


def test_a_retry_lets_what_waits_for_a_human_try_again(azure: LocalAzure):
    database = a_ready_database(azure)
    known = published(azure, database)
    operation = request_emergency(EVERYTHING, actor="tests", reason="A laptop was stolen.")
    work_alone(operation)
    child = Operation.objects.get(target_key=credential_key(database), parent=operation)
    asks = {
        "state": "needs_attention",
        "due_at": clock.database_now() + timedelta(days=9),
        "error_code": "SqlUnreachable",
    }
    Operation.objects.filter(pk=child.pk).update(**asks)
    clock.advance(timedelta(days=3))
    run_until_settled(azure)
    operation.refresh_from_db()
    assert operation.state == "needs_attention", "the deadline passed while it waited"
    retry(operation, actor="operator:alice", reason="The network is back.")
    run_until_settled(azure)
    child.refresh_from_db()
    operation.refresh_from_db()
    assert (child.state, operation.state) == ("succeeded", "succeeded")
    assert not can_sign_in(known)

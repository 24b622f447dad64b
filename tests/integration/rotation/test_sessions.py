"""Sessions are counted by the engine alone; the old user of an acknowledged credential goes as soon as it has none."""

from __future__ import annotations

from inventory.models import Database
from operations import clock
from operations.models import Operation
from rotation.acknowledgement import acknowledge
from rotation.models import Credential
from rotation.services import request_rotation, request_session_count
from tests.local_azure import LocalAzure, run_until_settled, work
from tests.rotating import a_ready_database, can_sign_in, published


def a_rotated_database(azure: LocalAzure) -> Database:
    database = a_ready_database(azure)
    request_rotation(database, actor="tests")
    pass_looks(azure)
    assert Credential.objects.get(database=database, slot="a").status == "overlapping"
    return database


def acknowledged(database: Database) -> None:
    active = Credential.objects.get(database=database, status="active")
    assert database.service is not None
    acknowledge(database.service, active.stable_version, actor="service")


def slot_a(database: Database) -> Credential:
    return Credential.objects.get(database=database, slot="a")


def pass_looks(azure: LocalAzure, rounds: int = 3) -> None:
    """Workers look again a few times; the business clock stands still."""
    for _ in range(rounds):
        work()
        azure.pass_time(1000)
    work()


def test_an_acknowledged_and_drained_user_is_retired_before_the_overlap_ends(azure: LocalAzure):
    database = a_ready_database(azure)
    old = published(azure, database)
    request_rotation(database, actor="tests")
    pass_looks(azure)
    assert slot_a(database).status == "overlapping"
    assert can_sign_in(old)
    acknowledged(database)
    run_until_settled(azure)
    assert slot_a(database).status == "retired"
    assert not can_sign_in(old)
    assert can_sign_in(published(azure, database))


def test_an_acknowledged_user_with_sessions_is_kept_and_they_are_counted(azure: LocalAzure):
    database = a_ready_database(azure)
    session = azure.session(published(azure, database))
    request_rotation(database, actor="tests")
    pass_looks(azure)
    acknowledged(database)
    pass_looks(azure)
    row = slot_a(database)
    assert (row.status, row.open_sessions) == ("overlapping", 1)
    assert row.sessions_seen_at is not None
    session.close()
    pass_looks(azure)
    assert slot_a(database).status == "retired"


def test_an_acknowledged_user_with_sessions_goes_at_its_deadline_all_the_same(azure: LocalAzure):
    database = a_ready_database(azure)
    azure.session(published(azure, database))
    request_rotation(database, actor="tests")
    pass_looks(azure)
    acknowledged(database)
    pass_looks(azure)
    deadline = slot_a(database).retire_by
    assert deadline is not None
    azure.pass_business_time(seconds=(deadline - clock.now()).total_seconds() + 1)
    run_until_settled(azure)
    assert slot_a(database).status == "retired"


def test_the_next_version_has_to_be_acknowledged_again(azure: LocalAzure):
    database = a_rotated_database(azure)
    acknowledged(database)
    run_until_settled(azure)
    request_rotation(database, actor="tests")
    pass_looks(azure)
    assert slot_a(database).status == "active"
    assert slot_a(database).acknowledged_at is None
    assert Credential.objects.get(database=database, slot="b").status == "overlapping"


def test_a_count_tells_both_users_sessions_and_when_it_looked(azure: LocalAzure):
    database = a_ready_database(azure)
    azure.session(published(azure, database))
    azure.session(published(azure, database))
    assert slot_a(database).open_sessions is None
    operation = request_session_count(database, actor="tests")
    run_until_settled(azure)
    row = slot_a(database)
    assert (row.open_sessions, Operation.objects.get(pk=operation.pk).state) == (2, "succeeded")
    assert row.sessions_seen_at is not None
    assert row.sessions_seen_at <= clock.now()

"""The schedule begins what is due, in windows, within limits, and catches up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cloud.sql_failures import SqlFailure
from inventory.models import Database, Freeze, Workspace
from operations import clock
from operations.models import Operation
from operations.services import cancel
from rotation import due
from rotation.models import Credential
from tests.local_azure import LocalAzure, run_until_settled, work
from tests.rotating import DAY, a_ready_database, can_sign_in, published


def rotations() -> list[Operation]:
    return list(Operation.objects.filter(kind="rotate_credential").order_by("created_at"))


def make_due(database: Database) -> None:
    Credential.objects.filter(database=database, status="active").update(rotate_after=clock.now())


def test_nothing_is_due_before_its_time(azure: LocalAzure):
    a_ready_database(azure)
    assert due.request_due() == 0


def test_a_month_later_it_is_rotated_once(azure: LocalAzure):
    database = a_ready_database(azure)
    clock.advance(30 * DAY, business=True)
    assert due.request_due() == 1
    assert due.request_due() == 0
    for _ in range(5):
        work()
        azure.pass_time(10)
    active = Credential.objects.get(database=database, status="active")
    assert active.slot == "b"
    assert active.rotate_after is not None
    assert timedelta(0) < active.rotate_after - clock.now() < 31 * DAY
    assert due.request_due() == 0


def test_no_more_than_the_allowed_number_work_at_once_and_one_that_fails_takes_no_place(azure: LocalAzure, settings):
    settings.ROTATION_CONCURRENCY = 1
    first, second = a_ready_database(azure, "claims"), a_ready_database(azure, "imaging")
    azure.around = refusing(first)
    make_due(first)
    make_due(second)
    assert due.request_due() == 1
    assert due.request_due() == 0
    work()
    assert due.request_due() == 1
    for _ in range(5):
        work()
        azure.pass_time(10)
    assert Credential.objects.get(database=second, status="active").slot == "b"
    assert Credential.objects.get(database=first, status="active").slot == "a"


def test_outside_its_window_it_is_put_off_to_the_next(azure: LocalAzure):
    database = a_ready_database(azure)
    hour = (clock.now().hour + 3) % 24
    Workspace.objects.update(rotation_first_hour=hour, rotation_end_hour=(hour + 1) % 24)
    make_due(database)
    assert due.request_due() == 0
    put_off = Credential.objects.get(database=database, status="active").rotate_after
    assert put_off is not None
    assert put_off.hour == hour
    clock.advance(put_off - clock.now(), business=True)
    assert due.request_due() == 1


def test_a_failed_rotation_comes_back_later_each_time(azure: LocalAzure):
    database = a_ready_database(azure)
    make_due(database)
    due.request_due()
    cancel(rotations()[0], actor="tests")
    run_until_settled(azure)
    active = Credential.objects.get(database=database, status="active")
    assert active.failures == 1
    assert active.rotate_after is not None
    assert active.rotate_after - clock.now() > timedelta(minutes=50)
    assert can_sign_in(published(azure, database))


def test_an_overlap_that_nobody_ends_is_ended_by_the_schedule(azure: LocalAzure):
    database = a_ready_database(azure)
    make_due(database)
    due.request_due()
    for _ in range(5):
        work()
    cancel(Operation.objects.get(kind="retire_credential"), actor="tests")
    work()
    assert Credential.objects.filter(database=database, status="overlapping").exists()
    clock.advance(3 * DAY, business=True)
    due.request_due()
    run_until_settled(azure)
    assert not Credential.objects.filter(database=database, status="overlapping").exists()


def test_a_bad_database_delays_nobody_and_asks_for_a_human_in_the_end(azure: LocalAzure):
    bad, *good = (a_ready_database(azure, name) for name in ("bad", "claims", "imaging"))
    azure.around = refusing(bad)
    for database in (bad, *good):
        make_due(database)
    assert due.request_due() == 3
    work()
    assert all(Credential.objects.get(database=database, status="active").slot == "b" for database in good)
    pauses = pauses_of(azure, Operation.objects.get(target_key=f"credential:{bad.pk}"))
    stuck = Operation.objects.get(target_key=f"credential:{bad.pk}")
    assert (stuck.state, stuck.step, stuck.error_code) == ("needs_attention", "set_password", "SqlDatabaseUnavailable")
    assert stuck.error_message == f"SqlDatabaseUnavailable: {bad.azure_name}, set_password: SqlDatabaseUnavailable"
    assert len(pauses) > 5
    assert max(pauses[:2]) < 10 < 100 < min(pauses[-2:])
    assert due.request_due() == 0


def test_what_is_refused_for_good_is_tried_again_on_other_days_and_then_asks_for_a_human(azure: LocalAzure):
    database = a_ready_database(azure)
    azure.around = refusing(database, number=15247)
    for _ in range(8):
        make_due(database)
        due.request_due()
        run_until_settled(azure)
    assert [operation.state for operation in rotations()] == ["failed"] * 4
    stuck = Operation.objects.get(state="needs_attention")
    assert stuck.error_message == f"{database.azure_name}, {stuck.step}: SqlNotPermitted"


def pauses_of(azure: LocalAzure, operation: Operation) -> list[float]:
    """How long it is left alone after each failed attempt, in seconds, until it is not tried any more."""
    pauses = []
    while True:
        operation.refresh_from_db()
        if operation.state != "running":
            return pauses
        pauses.append((operation.due_at - clock.database_now()).total_seconds())
        azure.pass_time(pauses[-1] + 1)
        work()


def refusing(database: Database, number: int = 40613) -> Any:
    """Everything about this database's SQL fails, for ever."""

    def around(name: str, call: Any) -> Any:
        if name == "SQL sign-in":
            frames = call.__closure__ or ()
            if any(getattr(cell.cell_contents, "database", "") == database.azure_name for cell in frames):
                raise SqlFailure("refused", number=number)
        return call()

    return around


def test_a_freeze_puts_a_rotation_off_to_its_end(azure: LocalAzure):
    database = a_ready_database(azure)
    make_due(database)
    end = clock.now() + 2 * DAY
    Freeze.objects.create(starts_at=clock.now() - DAY, ends_at=end, reason="Year's end.")
    assert due.request_due() == 0
    put_off_to = Credential.objects.get(database=database, status="active").rotate_after
    assert put_off_to is not None
    assert end <= put_off_to <= end + DAY
    clock.advance(put_off_to - clock.now(), business=True)
    assert due.request_due() == 1

"""One database that cannot be rotated holds up no other; and what is held up is not forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction

from cloud.sql_failures import SqlFailure
from inventory.models import Database, Freeze
from operations import clock, locks
from operations.models import Operation
from rotation import due, expiry
from rotation.models import Credential
from tests.local_azure import LocalAzure, work
from tests.rotating import DAY, a_ready_database

HOUR = 3600.0


def make_due(database: Database) -> None:
    Credential.objects.filter(database=database, status="active").update(rotate_after=clock.now())


def schedule_for(azure: LocalAzure, *, hours: int) -> None:
    for _ in range(hours * 12):
        due.request_due()
        work()
        azure.pass_time(HOUR / 12)


def was_rotated(database: Database) -> bool:
    return Credential.objects.get(database=database, status="active").slot == "b"


def test_a_database_without_free_workers_takes_nobodys_place(azure: LocalAzure, settings) -> None:
    settings.ROTATION_CONCURRENCY = 1
    starved, good = a_ready_database(azure, "starved"), a_ready_database(azure, "good")
    leased = {"target_key": f"credential:{starved.pk}", "state": "running"}

    def full(name: str, call: Any) -> Any:
        at_work = Operation.objects.filter(**leased, lease_until__gt=clock.database_now()).exists()
        if name.startswith("SQL") and at_work:
            raise SqlFailure("Resource ID : 1. The request limit for the database is 30.", number=10928)
        return call()

    azure.around = full
    make_due(starved)
    schedule_for(azure, hours=1)
    make_due(good)
    schedule_for(azure, hours=1)
    assert was_rotated(good)
    assert not was_rotated(starved)


def test_databases_that_others_hold_take_nobodys_place(azure: LocalAzure, settings) -> None:
    settings.ROTATION_CONCURRENCY = 2
    held, free = [a_ready_database(azure, f"held-{n}") for n in range(2)], a_ready_database(azure, "free")
    for one in held:
        holder = Operation.objects.create(
            kind="repair_database", target_key=f"database:{one.pk}", actor="tests", step="wait", state="needs_attention"
        )
        with transaction.atomic():
            assert locks.request(holder, [locks.Lock(one.key, locks.Mode.EXCLUSIVE, "is repaired")])
        make_due(one)
    schedule_for(azure, hours=1)
    make_due(free)
    schedule_for(azure, hours=1)
    assert was_rotated(free)


def test_a_freeze_puts_a_rotation_off_to_a_day_after_its_policy_at_most(azure: LocalAzure) -> None:
    database, start = a_ready_database(azure), clock.now()
    Freeze.objects.create(workspace=None, starts_at=start + 20 * DAY, ends_at=start + 85 * DAY, reason="year's end")
    Credential.objects.filter(database=database).update(rotate_after=start + 21 * DAY)
    clock.advance(21 * DAY, business=True)
    schedule_for(azure, hours=1)
    assert not was_rotated(database)
    clock.advance(timedelta(days=10, hours=1), business=True)
    expiry.alert_expiring()
    schedule_for(azure, hours=1)
    assert was_rotated(database)

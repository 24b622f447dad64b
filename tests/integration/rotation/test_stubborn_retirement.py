"""A retirement that cannot end: it is tried again, less and less often, then somebody is asked; nothing piles up."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from cloud import factory
from cloud.sql_failures import SqlFailure
from inventory.models import Database
from operations import clock
from operations.models import Operation
from rotation import due
from rotation.acknowledgement import acknowledge
from rotation.models import Credential
from rotation.services import request_rotation
from tests.local_azure import LocalAzure, run_until_settled, work
from tests.rotating import DAY, a_ready_database, can_sign_in

POLICY, NO_PERMISSION, UNAVAILABLE = 40632, 15247, 40613


@pytest.fixture
def database(azure: LocalAzure) -> Database:
    """Its credential has just been renewed; the old user overlaps."""
    found = a_ready_database(azure)
    request_rotation(found, actor="tests")
    for _ in range(10):
        work()
        azure.pass_time(10)
    assert Credential.objects.filter(database=found, status="overlapping").exists()
    return found


def old_document(azure: LocalAzure, database: Database) -> dict[str, str]:
    """What consumers read before the rotation."""
    document: dict[str, str] = json.loads(azure.secrets()[database.azure_name][0]["value"])
    return document


def refusing(number: int, *, times: int = 10_000) -> Callable[[str, Any], Any]:
    """Passwords are refused by this error so many times."""
    left = iter(range(times))

    def around(name: str, call: Any) -> Any:
        if name.startswith("SQL ALTER USER") and next(left, None) is not None:
            raise SqlFailure("refused", number=number)
        return call()

    return around


def schedule_for(azure: LocalAzure, *, hours: int) -> None:
    """Beat comes twice an hour, in both clocks."""
    for _ in range(2 * hours):
        due.request_due()
        work()
        clock.advance(timedelta(minutes=30), business=True)
        azure.pass_time(1800)
        work()


def retirements() -> int:
    return Operation.objects.filter(kind="retire_credential").count()


def asks_somebody() -> bool:
    return Operation.objects.filter(kind="retire_credential", state="needs_attention").exists()


def test_a_password_that_policy_refuses_once_is_replaced(azure: LocalAzure, database: Database) -> None:
    old = old_document(azure, database)
    azure.around = refusing(POLICY, times=1)
    azure.pass_business_time(days=3)
    run_until_settled(azure)
    assert not can_sign_in(old)
    assert retirements() == 1


def test_passwords_that_policy_always_refuses_are_a_humans_turn(azure: LocalAzure, database: Database) -> None:
    azure.around = refusing(POLICY)
    clock.advance(3 * DAY, business=True)
    schedule_for(azure, hours=2)
    assert asks_somebody()
    assert retirements() == 1


def test_a_retirement_that_fails_backs_off_and_then_asks(azure: LocalAzure, database: Database) -> None:
    active = Credential.objects.get(database=database, status="active")
    factory.secret_store().disable(active.staging_secret, active.staging_version)
    clock.advance(3 * DAY, business=True)
    schedule_for(azure, hours=2)
    assert retirements() <= 3
    schedule_for(azure, hours=30)
    assert asks_somebody()
    assert retirements() <= 6


def test_what_was_written_over_is_published_again_once_however_often_the_retirement_fails(
    azure: LocalAzure, database: Database
) -> None:
    azure.set_secret(database.azure_name, old_document(azure, database))
    before = len(azure.secrets()[database.azure_name])
    azure.around = refusing(NO_PERMISSION)
    clock.advance(3 * DAY, business=True)
    schedule_for(azure, hours=30)
    assert len(azure.secrets()[database.azure_name]) == before + 1


def test_the_version_that_was_published_again_is_the_one_that_is_told_and_acknowledged(
    azure: LocalAzure, database: Database
) -> None:
    azure.set_secret(database.azure_name, old_document(azure, database))
    azure.around = refusing(UNAVAILABLE)
    clock.advance(3 * DAY, business=True)
    schedule_for(azure, hours=1)
    newest = azure.secrets()[database.azure_name][-1]["version"]
    assert Credential.objects.get(database=database, status="active").stable_version == newest
    assert database.service is not None
    with transaction.atomic():
        acknowledge(database.service, newest, actor="svc")

"""Whoever must know hears of a credential that nears its end: once a threshold, and it is rotated."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.models import Database
from inventory.states import Status
from operations import clock
from operations.models import AuditEvent, OutboxEvent
from rotation import due, expiry
from rotation.models import Credential
from tests.builders import a_credential, a_database

DAY = timedelta(days=1)


def an_expiring(days: float) -> Database:
    database = a_database(status=Status.READY)
    now = clock.now()
    a_credential(
        database, promoted_at=now - 60 * DAY, valid_until=now + days * DAY, rotate_after=now + timedelta(days=5)
    )
    return database


def alerts() -> list[tuple[str, int]]:
    return [(event.kind, event.data["days"]) for event in OutboxEvent.objects.order_by("sequence")]


@pytest.mark.django_db
def test_each_threshold_is_told_once_and_overdue_as_well():
    an_expiring(31)
    assert expiry.alert_expiring() == 0
    for days in (2, 15, 7, 6, 1):
        clock.advance(days * DAY, business=True)
        assert expiry.alert_expiring() == 1
        assert expiry.alert_expiring() == 0
    expiring = [("credential.expiring", days) for days in (30, 14, 7, 1)]
    assert alerts() == [*expiring, ("credential.expired", 0)]
    assert AuditEvent.objects.filter(action__startswith="credential.expir").count() == 5


@pytest.mark.django_db
def test_thresholds_that_were_slept_through_are_told_as_the_last():
    an_expiring(3)
    expiry.alert_expiring()
    assert alerts() == [("credential.expiring", 7)]


@pytest.mark.django_db
def test_what_nears_its_end_no_longer_waits_for_its_turn():
    database = an_expiring(20)
    assert due.request_due() == 0
    expiry.alert_expiring()
    assert due.request_due() == 1
    assert Credential.objects.get(database=database).alerted_days == 30


@pytest.mark.django_db
def test_what_keeps_failing_keeps_its_pauses():
    database = an_expiring(20)
    Credential.objects.filter(database=database).update(failures=2)
    expiry.alert_expiring()
    assert due.request_due() == 0


@given(st.floats(-100, 100, allow_nan=False))
def test_a_threshold_is_never_wider_than_needed(days: float):
    found = expiry.threshold(timedelta(days=days))
    assert (found is None) == (timedelta(days=days) > timedelta(days=30))
    assert found is None or timedelta(days=days) <= timedelta(days=found)

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
from rotation.outlook import outlook
from tests.builders import a_credential, a_database, a_service

DAY = timedelta(days=1)


def an_expiring(days: float) -> Database:
    database = a_database(a_service(name=f"service-{Database.objects.count()}"), status=Status.READY)
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


@pytest.mark.django_db
def test_the_outlook_counts_what_ends_and_what_fails():
    for days in (-1, 0.5, 6, 20, 40):
        an_expiring(days)
    Credential.objects.filter(valid_until__lte=clock.now()).update(failures=3)
    seen = outlook()
    assert seen.within == {0: 1, 1: 2, 7: 3, 14: 3, 30: 4}
    assert seen.failing == 1
    assert seen.first_ends_at == Credential.objects.order_by("valid_until")[0].valid_until


@pytest.mark.django_db
def test_our_own_client_secret_is_told_of_once_a_threshold(settings):
    settings.AZURE_CREDENTIAL = "client_secret"
    settings.AZURE_CLIENT_SECRET_EXPIRES_AT = clock.now() + 20 * DAY
    assert expiry.alert_own_secret()
    assert not expiry.alert_own_secret()
    clock.advance(21 * DAY, business=True)
    assert expiry.alert_own_secret()
    assert alerts() == [("identity.secret_expiring", 30), ("identity.secret_expired", 0)]


@pytest.mark.django_db
def test_an_identity_without_a_secret_has_none_to_tell_of(settings):
    settings.AZURE_CREDENTIAL = "managed_identity"
    settings.AZURE_CLIENT_SECRET_EXPIRES_AT = clock.now()
    assert not expiry.alert_own_secret()

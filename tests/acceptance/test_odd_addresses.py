"""Addresses and documents that would be overlooked in part are refused whole; of addresses that are none, who is told."""

from __future__ import annotations

import pytest
from django.test import Client

from controlplane.api.principals import Role
from operations.models import AuditEvent
from tests.acceptance.callers import Directory


@pytest.mark.parametrize("address", ["/console/inventory/database/?status__exact=%00", "/%00"])
def test_an_address_with_a_nul_is_refused(address: str):
    answer = Client().get(address)
    assert answer.status_code == 400
    assert answer.headers["x-ms-error-code"] == "InvalidAddress"


@pytest.mark.django_db
def test_who_asks_for_an_address_that_is_none_of_ours_is_audited_by_name(directory: Directory):
    answer = directory.caller("reader", Role.AUDITOR).get("/api/v1/secrets")
    assert (answer.status_code, answer["x-ms-error-code"]) == (404, "RouteNotFound")
    event = AuditEvent.objects.latest("at")
    assert (event.action, event.target, event.after["code"]) == ("api.refused", "/api/v1/secrets", "RouteNotFound")


@pytest.mark.django_db
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer made.up"}])
def test_a_flood_of_strangers_leaves_nothing_in_the_audit_log(headers: dict[str, str], directory: Directory):
    before = AuditEvent.objects.count()
    assert {Client().get("/api/v1/secrets", headers=headers).status_code for _ in range(100)} == {404, 429}
    assert AuditEvent.objects.count() == before

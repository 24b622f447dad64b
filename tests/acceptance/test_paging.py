"""Every list is stable while rows come and go: nothing is shown twice, and nothing that stays is left out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database, ElasticPool, SqlServer, Subscription
from operations import audit
from tests.acceptance.callers import Directory
from tests.builders import a_database, a_pool, a_region, a_server, a_service, a_subscription, a_workspace
from tests.warming import a_stock

pytestmark = pytest.mark.django_db
Write = Callable[[int], object]


def _server(number: int) -> SqlServer:
    row = a_server(a_region("eastus"))
    SqlServer.objects.filter(pk=row.pk).update(azure_name=f"local-{number:02}")
    return row


def _pool(number: int) -> ElasticPool:
    server = SqlServer.objects.first() or a_server()
    row = a_pool(server)
    ElasticPool.objects.filter(pk=row.pk).update(azure_name=f"p-{number:02}")
    return row


def _database(number: int) -> Database:
    row = a_database(a_service(a_workspace("cigna"), f"service-{number:02}"))
    Database.objects.filter(pk=row.pk).update(azure_name=f"d-{number:02}")
    return row


def _subscription(number: int) -> Subscription:
    return a_subscription(f"00000000-0000-0000-0000-0000000000{number:02}")


def _stock(number: int) -> object:
    return a_stock(a_region(f"region{number:02}"), name=f"stock-{number:02}")


# Address, the field that it is ordered by, and how a row comes.
LISTS: dict[str, tuple[str, str, Write]] = {
    "workspaces": ("workspaces", "name", lambda number: a_workspace(f"customer-{number:02}")),
    "services": ("workspaces/cigna/services", "name", _database),
    "databases": ("databases", "name", _database),
    "servers": ("servers", "name", _server),
    "pools": ("pools", "name", _pool),
    "subscriptions": ("subscriptions", "subscriptionId", _subscription),
    "warm stocks": ("warm-stocks", "name", _stock),
}


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_by_name_shows_each_row_that_stays_exactly_once(kind: str, directory: Directory):
    path, key, write = LISTS[kind]
    for number in range(10, 20, 2):
        write(number)
    auditor = directory.caller("auditor", Role.AUDITOR)
    before = _walk(auditor, f"/api/v1/{path}?maxpagesize=2", lambda _: None, key=key)
    late = iter((5, 13, 25, 26, 27))  # before, among and after what was shown already
    seen = _walk(auditor, f"/api/v1/{path}?maxpagesize=2", lambda _: write(next(late)), key=key)
    assert len(seen) == len(set(seen))
    assert set(before) <= set(seen)
    assert seen == sorted(seen)


def test_a_list_from_new_to_old_shows_each_event_exactly_once(directory: Directory):
    auditor = directory.caller("auditor", Role.AUDITOR)

    def happen(number: int) -> None:
        audit.record("test.happened", actor="somebody", target=f"thing:{number}")

    for number in range(5):
        happen(number)
    seen = _walk(auditor, "/api/v1/audit-events?action=test.happened&maxpagesize=2", happen, key="target")
    assert seen == [f"thing:{number}" for number in reversed(range(5))]


def _walk(client: APIClient, link: str, between: Callable[[int], object], *, key: str) -> list[str]:
    """Names on all pages; something happens after each page but the last."""
    seen: list[str] = []
    while link:
        page = client.get(link).json()
        seen += [row[key] for row in page["value"]]
        link = page.get("nextLink", "")
        if link:
            between(len(seen))
    return seen

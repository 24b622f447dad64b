"""What concerns the whole fleet is written only as it was seen, too."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from provisioning.models import WarmStock
from tests.acceptance.callers import Directory
from tests.acceptance.tables import contents
from tests.builders import a_region

pytestmark = pytest.mark.django_db

STOCK = "/api/v1/warm-stocks/small"
MADE: dict[str, Any] = {
    STOCK: {"properties": {"region": "eastus", "kind": "fhir", "sizeGb": 100, "most": 3}},
    "/api/v1/maintenance": {"properties": {"windows": [], "freezes": []}},
    "/api/v1/rebalancing-rules/eastus": {"mode": "advise"},
}


@pytest.fixture
def operator(directory: Directory) -> APIClient:
    a_region("eastus")
    client = directory.caller("operator", Role.OPERATOR)
    for url, body in MADE.items():
        assert client.put(url, body, format="json").status_code == 200, url
    return client


@pytest.mark.parametrize("url", MADE)
def test_a_write_holds_only_for_what_was_seen(operator: APIClient, url: str):
    seen, before = operator.get(url)["ETag"], contents()
    for headers in ({"If-Match": '"0123"'}, {"If-None-Match": "*"}):
        answer = operator.put(url, MADE[url], format="json", headers=headers)
        assert (answer.status_code, answer["x-ms-error-code"]) == (412, "PreconditionFailed")
    assert contents() == before
    assert operator.put(url, MADE[url], format="json", headers={"If-Match": seen}).status_code == 200


def test_a_stock_is_deleted_only_as_it_was_seen(operator: APIClient):
    assert operator.delete(STOCK, headers={"If-Match": '"0123"'}).status_code == 412
    assert operator.delete(STOCK, headers={"If-Match": operator.get(STOCK)["ETag"]}).status_code == 204


def test_the_tag_of_a_stock_is_about_the_wish_and_not_about_how_many_are_ready(operator: APIClient):
    seen = operator.get(STOCK)["ETag"]
    WarmStock.objects.update(wanted=2)
    assert operator.get(STOCK)["ETag"] == seen
    WarmStock.objects.update(most=2)
    assert operator.get(STOCK)["ETag"] != seen


@pytest.mark.parametrize("url", MADE)
def test_what_is_known_already_is_not_sent_again(operator: APIClient, url: str):
    first = operator.get(url)
    again = operator.get(url, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")

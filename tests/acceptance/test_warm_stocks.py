"""Stocks of databases kept ready, as operators define them; and a service that gets one."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database
from operations import clock
from operations.models import AuditEvent
from provisioning.models import WarmStock
from provisioning.warm.keeping import keep_stocks
from tests.acceptance.callers import Directory
from tests.builders import a_region, a_workspace
from tests.local_azure import LocalAzure, run_until_settled

STOCK = "/api/v1/warm-stocks/eastus-fhir"
WISH = {"region": "eastus", "kind": "fhir", "sizeGb": 100, "least": 1, "most": 3}


@pytest.fixture
def operator(directory: Directory) -> APIClient:
    a_workspace("cigna", a_region("eastus"))
    return directory.caller("operator", Role.OPERATOR)


def put(client: APIClient, **properties: Any) -> Any:
    return client.put(STOCK, {"properties": {**WISH, **properties}}, format="json")


@pytest.mark.django_db
def test_a_stock_is_defined_shown_changed_and_removed(operator: APIClient):
    assert put(operator).status_code == 200
    shown = operator.get(STOCK).json()["properties"]
    assert (shown["tier"], shown["most"], shown["idle"], shown["enabled"]) == ("GeneralPurpose", 3, 0, True)
    assert put(operator, most=5).json()["properties"]["most"] == 5
    assert [one["name"] for one in operator.get("/api/v1/warm-stocks").json()["value"]] == ["eastus-fhir"]
    assert operator.delete(STOCK).status_code == 204
    assert operator.get(STOCK).status_code == 404
    told = AuditEvent.objects.filter(action__startswith="warm_stock").order_by("at")
    assert list(told.values_list("action", flat=True)) == [
        *("warm_stock.defined", "warm_stock.changed", "warm_stock.removed")
    ]


@pytest.mark.django_db
def test_defining_it_again_as_it_is_changes_nothing(operator: APIClient):
    first = put(operator)
    again = put(operator)
    assert first["ETag"] == again["ETag"]
    assert AuditEvent.objects.filter(action__startswith="warm_stock").count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"region": "nowhere"}, 400, "UnknownRegion"),
        ({"sizeGb": 10**9}, 400, "SizeNotSupported"),
        ({"least": 4}, 400, "InvalidRequestBody"),
        ({"kind": "dicom"}, 409, "ChangeNotSupported"),
        ({"sizeGb": 5000}, 409, "ChangeNotSupported"),
    ],
)
def test_what_cannot_be_is_refused(operator: APIClient, wish: dict[str, Any], status: int, code: str):
    put(operator)
    answer = put(operator, **wish)
    assert (answer.status_code, answer["x-ms-error-code"]) == (status, code)


@pytest.mark.django_db
def test_two_stocks_of_the_same_are_refused(operator: APIClient):
    put(operator)
    answer = operator.put("/api/v1/warm-stocks/another", {"properties": WISH}, format="json")
    assert (answer.status_code, answer["x-ms-error-code"]) == (409, "StockExists")


@pytest.mark.django_db
def test_a_halted_stock_is_resumed_with_a_reason(operator: APIClient):
    put(operator)
    WarmStock.objects.update(halted_at=clock.now())
    assert operator.get(STOCK).json()["properties"]["haltedAt"]
    answer = operator.post(f"{STOCK}:resume", {"reason": "Azure is well again."}, format="json")
    assert (answer.status_code, answer.json()["properties"]["haltedAt"]) == (200, None)


def test_a_service_from_the_stock_is_ready_in_the_answer_to_its_wish(azure: LocalAzure, directory: Directory):
    a_workspace("cigna", a_region("eastus"))
    operator = directory.caller("operator", Role.OPERATOR)
    put(operator)
    keep_stocks()
    run_until_settled(azure)
    wish = {"properties": {"kind": "fhir", "sizeGb": 100}}
    answer = operator.put("/api/v1/workspaces/cigna/services/claims", wish, format="json")
    assert answer.status_code == 202
    shown = answer.json()["properties"]
    assert shown["provisioningState"] == "Succeeded"
    assert shown["credentials"]["secretName"] == Database.objects.get().azure_name
    assert operator.get(STOCK).json()["properties"]["active"] == 1


def test_one_that_lacks_something_shows_no_credential_before_it_is_ready(azure: LocalAzure, directory: Directory):
    a_workspace("cigna", a_region("eastus"))
    operator = directory.caller("operator", Role.OPERATOR)
    put(operator)
    keep_stocks()
    run_until_settled(azure)
    wish = {"properties": {"kind": "fhir", "sizeGb": 200}}
    answer = operator.put("/api/v1/workspaces/cigna/services/claims", wish, format="json")
    shown = answer.json()["properties"]
    assert (shown["provisioningState"], shown["credentials"]) == ("Creating", None)
    run_until_settled(azure)
    shown = operator.get("/api/v1/workspaces/cigna/services/claims").json()["properties"]
    assert shown["provisioningState"] == "Succeeded"
    assert shown["credentials"] is not None


@pytest.mark.parametrize(("name", "kind"), [("small", "dicom"), ("other", "fhir")])
def test_what_a_removed_stock_still_holds_is_said(directory: Directory, name: str, kind: str):
    a_region("eastus")
    operator = directory.caller("operator", Role.OPERATOR)
    wish = {"region": "eastus", "kind": "fhir", "sizeGb": 100, "most": 3}
    assert operator.put("/api/v1/warm-stocks/small", {"properties": wish}, format="json").status_code == 200
    assert operator.delete("/api/v1/warm-stocks/small").status_code == 204
    body = {"properties": {**wish, "kind": kind}}
    answer = operator.put(f"/api/v1/warm-stocks/{name}", body, format="json")
    assert (answer.status_code, answer["x-ms-error-code"]) == (409, "StockExists")
    assert "still being emptied" in answer.json()["error"]["message"]

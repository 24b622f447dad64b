"""Bad input on every route: a 4xx with a stable code, nothing changed, and an audit event."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import override_settings
from django.urls import reverse
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from operations.models import AuditEvent
from tests.acceptance.addresses import AZURE_NAMES, IDS, NAMES, TAKES
from tests.acceptance.callers import Directory
from tests.acceptance.routes import Route, guarded_routes
from tests.acceptance.tables import contents
from tests.acceptance.wrong_values import WRONG
from tests.builders import a_region, a_workspace

pytestmark = pytest.mark.django_db

VERBS = ("start-now", "retry", "skip", "adopt", "abandon")
FLEET_CHANGES = [
    *(f"POST {place}-{verb}" for place in ("server", "pool") for verb in ("cordon", "uncordon")),
    *("POST pool-resize", "POST pool-drain", "POST database-move"),
]  # tested on their own
GOOD: dict[str, dict[str, Any]] = {
    "PUT workspace": {"region": "eastus", "displayName": "Cigna", "members": []},
    "PUT service": {"kind": "fhir", "sizeGb": 10},
    "PUT workspace-maintenance": {"windows": [], "freezes": []},
    "PUT maintenance": {"windows": [], "freezes": []},
    "PUT warm-stock": {"region": "eastus", "kind": "fhir", "sizeGb": 10, "most": 3},
}
WRITES = [route for route in guarded_routes() if str(route) in GOOD]
DECISIONS = [f"POST operation-{verb}" for verb in VERBS]  # tested on their own
EMERGENCIES = [f"POST {scope}emergency-rotations" for scope in ("service-", "workspace-", "")]  # likewise
OTHERS = [
    *DECISIONS,
    *(f"POST finding-{verb}" for verb in ("repair", "accept", "remove")),
    *("PUT repair-pause", "POST adoptions", "POST service-credentials-issue", "POST warm-stock-resume"),
    *(f"POST growth-proposal-{verb}" for verb in ("accept", "schedule", "dismiss")),
    *("POST planned-move-defer", "POST planned-move-veto", "POST rebalance-plans-compute", "PUT rebalancing-rule"),
    "POST what-if",
    *("POST pool-proposal-approve", "POST pool-proposal-dismiss"),
    *("POST rebalance-plan-approve", "POST rebalance-plan-reject", "POST rebalancing-rule-resume"),
    *EMERGENCIES,
    *FLEET_CHANGES,
    *(f"POST service-{what}" for what in ("restore", "change", "convert", "convert-back", "credentials-acknowledge")),
    *(f"POST service-{what}" for what in ("enable-cmk", "change-cmk-key", "disable-cmk")),
    "POST key-vault-events",
    *(f"POST {name}" for name in ("receivers", "receiver-rotate-secret", "receiver-replay", "notifications-mark-read")),
]
BODILESS = [route for route in guarded_routes() if str(route) not in (*GOOD, *OTHERS)]
BAD_NAMES = ["UPPER", "1st", "a", "a" * 64, "a_b", "ä-name", "a%00b", "a%0a", "a%20b", "'; drop table x; --"]


@pytest.fixture
def operator(directory: Directory) -> APIClient:
    a_workspace("cigna", a_region("eastus"))
    client = directory.caller("operator", Role.OPERATOR, Role.EVENT_GRID)  # who may call every route
    client.get(reverse("workspaces"))  # the sign-in is recorded here
    return client


def address(name: str, **other: str) -> str:
    """The route's address, with some of its names replaced as they are."""
    path = reverse(name, args=[f"__{part}__" for part in TAKES[name]])
    for part in TAKES[name]:
        path = path.replace(f"__{part}__", other.get(part, NAMES[part]))
    return path


def refused(client: APIClient, method: str, path: str, data: bytes | str = b"", **options: Any) -> tuple[int, str]:
    """Status and code of a refusal that changed nothing, was recorded once and hides what happened inside."""
    before, events = contents(), AuditEvent.objects.count()
    answer = client.generic(method, path, data, **options)
    assert 400 <= answer.status_code < 500, answer.content
    error = answer.json()["error"]
    assert error["code"] == answer["x-ms-error-code"]
    assert error["message"]
    assert answer["x-ms-request-id"]
    assert "Traceback" not in answer.content.decode()
    assert contents() == before
    assert AuditEvent.objects.count() == events + 1
    latest = AuditEvent.objects.order_by("-at", "-id")[0]
    assert (latest.outcome, latest.after["code"]) == ("refused", error["code"])
    return answer.status_code, error["code"]


def put(client: APIClient, route: Route, document: object) -> tuple[int, str]:
    return refused(client, "PUT", address(route.name), json.dumps(document), content_type="application/json")


def by_name(name: str) -> Route:
    return next(route for route in WRITES if str(route) == name)


@pytest.mark.parametrize("route", WRITES, ids=str)
@pytest.mark.parametrize(
    "body",
    [b"{", b"nonsense", b"\xff\xfe", b"[" * 50_000, b'{"properties": NaN}', b"1" * 5000, b"\x00", b'{"a": 1, "a": 2}'],
    ids=["cut off", "no JSON", "no UTF-8", "too deep", "NaN", "a very long number", "NUL", "a name twice"],
)
def test_what_is_not_json_is_refused(route: Route, body: bytes, operator: APIClient):
    said = refused(operator, "PUT", address(route.name), body, content_type="application/json")
    assert said == (400, "InvalidJson")


@pytest.mark.parametrize("route", WRITES, ids=str)
@pytest.mark.parametrize("document", [[], "text", 5, None, {}, {"properties": []}, {"properties": None}], ids=str)
def test_a_document_of_another_shape_is_refused(route: Route, document: object, operator: APIClient):
    assert put(operator, route, document) == (400, "InvalidRequestBody")


@pytest.mark.parametrize("route", WRITES, ids=str)
def test_a_missing_body_is_refused(route: Route, operator: APIClient):
    assert refused(operator, "PUT", address(route.name)) == (400, "InvalidRequestBody")


@pytest.mark.parametrize(("name", "field", "value"), WRONG, ids=str)
def test_a_wrong_value_is_refused_by_its_name(name: str, field: str, value: Any, operator: APIClient):
    status, code = put(operator, by_name(name), {"properties": {**GOOD[name], field: value}})
    assert status == 400
    assert code in ("InvalidRequestBody", "UnknownField")


def test_an_unknown_region_is_refused(operator: APIClient):
    body = json.dumps({"properties": {"region": "atlantis"}})
    said = refused(operator, "PUT", address("workspace", workspace="fresh"), body, content_type="application/json")
    assert said == (400, "UnknownRegion")


@pytest.mark.parametrize("route", WRITES, ids=str)
def test_unknown_fields_are_named(route: Route, operator: APIClient):
    answer = operator.put(
        address(route.name),
        {"properties": {**GOOD[str(route)], "colour": "red", "state": "ready"}},
        format="json",
    )
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "UnknownField")
    assert {detail["target"] for detail in error["details"]} == {"properties.colour", "properties.state"}
    assert put(operator, route, {"properties": GOOD[str(route)], "owner": "me"}) == (400, "UnknownField")


@pytest.mark.parametrize("route", WRITES, ids=str)
@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_other_content_types_are_refused(route: Route, content_type: str, operator: APIClient):
    body = json.dumps({"properties": GOOD[str(route)]})
    said = refused(operator, "PUT", address(route.name), body, content_type=content_type)
    assert said == (415, "UnsupportedMediaType")


@pytest.mark.parametrize("route", guarded_routes(), ids=str)
def test_a_body_that_is_too_large_is_refused_on_every_route(route: Route, operator: APIClient):
    with override_settings(API_BODY_BYTES=2000):
        said = refused(operator, route.method, address(route.name), b" " * 2001, content_type="application/json")
    assert said == (413, "RequestTooLarge")


@pytest.mark.parametrize("route", BODILESS, ids=str)
def test_a_body_where_none_belongs_is_refused(route: Route, operator: APIClient):
    said = refused(operator, route.method, address(route.name), b"{}", content_type="application/json")
    assert said == (400, "BodyNotExpected")


@pytest.mark.parametrize("route", guarded_routes(), ids=str)
def test_an_unknown_query_parameter_is_refused(route: Route, operator: APIClient):
    body = json.dumps({"properties": GOOD[str(route)]}) if str(route) in GOOD else b""
    path = address(route.name) + "?force=true&%00=%00"
    said = refused(operator, route.method, path, body, content_type="application/json")
    assert said == (400, "UnknownField")


def test_a_query_parameter_that_stands_twice_is_refused(operator: APIClient):
    said = refused(
        operator, "GET", "/api/v1/workspaces?maxpagesize=1&maxpagesize=2", b"", content_type="application/json"
    )
    assert said == (400, "InvalidQueryParameter")


@pytest.mark.parametrize("bad", BAD_NAMES)
@pytest.mark.parametrize(
    ("route", "part"),
    [(route, part) for route in guarded_routes() for part in TAKES[route.name]],
    ids=str,
)
def test_a_bad_name_is_refused(route: Route, part: str, bad: str, operator: APIClient):
    body = json.dumps({"properties": GOOD[str(route)]}) if str(route) in GOOD else b""
    status, code = refused(
        operator, route.method, address(route.name, **{part: bad}), body, content_type="application/json"
    )
    missing = (404, f"{IDS.get(part, part.capitalize())}NotFound")
    assert (status, code) in [*([missing] if part in (*IDS, *AZURE_NAMES) else []), (400, "InvalidName")]
    assert part not in IDS or (status, code) == missing


@pytest.mark.parametrize("name", TAKES)
def test_a_method_that_the_address_does_not_know_is_refused(name: str, operator: APIClient):
    known = {"OPTIONS"} if name == "key-vault-events" else set()  # by it webhooks are agreed upon
    for method in {"PATCH", "OPTIONS", "TRACE", "BREW"} - known:
        assert refused(operator, method, address(name)) == (405, "MethodNotAllowed")


@pytest.mark.parametrize("route", [route for route in guarded_routes() if route.method == "GET"], ids=str)
def test_answers_are_json_only(route: Route, operator: APIClient):
    assert refused(operator, "GET", address(route.name), HTTP_ACCEPT="text/html") == (406, "NotAcceptable")


OURS = ["notifications", "receivers", "dead-letters"]


@pytest.mark.parametrize(
    "name",
    ["workspaces", "services", "operations", "subscriptions", "servers", "pools", "databases", "audit-events", *OURS],
)
@pytest.mark.parametrize(
    "query",
    [
        "maxpagesize=0",
        "maxpagesize=201",
        "maxpagesize=x",
        "maxpagesize=1e3",
        "continuationToken=",
        "continuationToken=%00",
        "continuationToken=bm9uc2Vuc2U=",
        "continuationToken=WyJhXHUwMDAwYiJd",
        "continuationToken=WyJhIiwgImIiXQ==",
        "continuationToken=WzVd",
    ],
)
def test_a_wrong_page_is_refused(name: str, query: str, operator: APIClient):
    status, code = refused(operator, "GET", f"{address(name)}?{query}")
    assert (status, code) in ((400, "InvalidQueryParameter"), (400, "InvalidContinuationToken"))


@pytest.mark.parametrize("query", ["state=Broken", "kind=%27", "workspace=UPPER", "workspace=%00", "state="])
def test_a_wrong_filter_is_refused(query: str, operator: APIClient):
    status, code = refused(operator, "GET", f"{address('operations')}?{query}")
    assert (status, code) in ((400, "InvalidQueryParameter"), (400, "InvalidName"))


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/api/", "/api/v2/workspaces", "/api/v1/workspaces/", "/api/v1/%00"])
def test_an_address_that_is_none_of_ours_is_answered_in_the_same_words(method: str, path: str, client):
    answer = client.generic(method, path)
    assert (answer.status_code, answer["x-ms-error-code"]) == (404, "RouteNotFound")
    assert answer.json()["error"]["code"] == "RouteNotFound"


def test_a_host_that_is_not_ours_is_refused_in_the_same_words(client):
    answer = client.get("/api/v1/workspaces", HTTP_HOST="evil.example")
    assert (answer.status_code, answer["x-ms-error-code"]) == (400, "BadRequest")

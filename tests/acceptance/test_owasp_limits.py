"""OWASP API Security Top 10 (2023), rows 4, 6, 8, 9 and 10: how much, how often, how set up, and what we take in.

Row 7 (requests that others make us send) stands in test_owasp_outbound. Of row 6, rate limits and quotas: a PUT or DELETE
by name is repeatable by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from itertools import count

import pytest
from django.db import connection
from django.test import override_settings
from django.urls import get_resolver
from rest_framework.test import APIClient
from rest_framework.throttling import UserRateThrottle

from cloud import factory
from cloud.errors import Rejected, RetryLater
from cloud.protocols import ServerRef
from controlplane.api import versions
from controlplane.api.principals import Role
from controlplane.api.signing_keys import DirectoryUnavailable, SigningKeys, read_bounded
from operations.models import Operation
from simulator.azure import Azure
from simulator.http import Request, Response
from tests.acceptance.callers import AUTHORITY, TENANT, Directory
from tests.acceptance.outline import outline
from tests.acceptance.routes import Route, guarded_routes
from tests.acceptance.tables import contents
from tests.acceptance.test_access import CALLERS_BODIES, prepared
from tests.acceptance.test_openapi import PATHS
from tests.builders import a_workspace
from tests.cloud.in_process import configure
from tests.databases import ROOT

LISTS = (
    "workspaces",
    "services",
    "deleted-services",
    "operations",
    "subscriptions",
    "servers",
    "pools",
    "databases",
    "audit-events",
    "notifications",
    "receivers",
    "dead-letters",
    "findings",
    "repair-pauses",
    "warm-stocks",
    "growth-proposals",
    "planned-moves",
    "rebalance-plans",
    "rebalancing-rules",
    "pool-proposals",
)
CONTRACT = ROOT / "docs" / "api.txt"
WISH = {"properties": {"kind": "fhir", "sizeGb": 10}}


@pytest.fixture
def operator(directory: Directory) -> APIClient:
    return directory.caller("operator", Role.OPERATOR)


@pytest.fixture
def owner(directory: Directory) -> APIClient:
    return directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))


@pytest.mark.django_db
def test_api4_every_list_has_pages_of_bounded_size(operator: APIClient):
    addresses = prepared()
    document = operator.get("/api/v1/openapi.json").json()
    paged = {
        name
        for name, path in PATHS.items()
        if any(one["name"] == "maxpagesize" for one in document["paths"][path].get("get", {}).get("parameters", []))
    }
    assert paged == set(LISTS)
    for name in LISTS:
        assert operator.get(f"{addresses[name]}?maxpagesize=200").status_code == 200
        assert operator.get(f"{addresses[name]}?maxpagesize=201").status_code == 400
        assert operator.get(f"{addresses[name]}?continuationToken={'x' * 401}").status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize("name", CALLERS_BODIES)
@override_settings(API_BODY_BYTES=4096)
def test_api4_bodies_are_bounded_in_size_and_depth(name: str, operator: APIClient):
    method, route = name.split()
    address = prepared()[route]
    for body, status in ((b" " * 4097, 413), (b'{"properties":' * 200, 400), (b"[" * 4000, 400)):
        assert operator.generic(method, address, body, "application/json").status_code == status


@pytest.mark.django_db
@pytest.mark.parametrize("route", guarded_routes(), ids=str)
def test_api4_every_route_counts_the_callers_requests(
    route: Route, directory: Directory, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(UserRateThrottle, "THROTTLE_RATES", {"user": "1/min"})
    address, eager = prepared()[route.name], directory.caller("eager", Role.OPERATOR)
    eager.get("/api/v1/workspaces")
    before = contents()
    answer = eager.generic(route.method, address, b"", "application/json")
    assert (answer.status_code, answer["x-ms-error-code"]) == (429, "TooManyRequests")
    assert int(answer["Retry-After"]) > 0
    assert contents() == before


@pytest.mark.django_db
def test_api4_a_statement_that_takes_too_long_is_ended(operator: APIClient):
    with connection.cursor() as cursor:
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute(f"SHOW {name}")
            assert cursor.fetchone()[0] != "0", name


@pytest.mark.django_db
@override_settings(WORKSPACE_OPEN_OPERATIONS=2)
def test_api6_a_workspace_has_a_quota_of_open_operations_and_removals_have_none(owner: APIClient):
    base = "/api/v1/workspaces/cigna/services"
    assert [owner.put(f"{base}/s-{n}", WISH, format="json").status_code for n in range(3)] == [202, 202, 429]
    refused = owner.put(f"{base}/s-3", WISH, format="json")
    assert (refused["x-ms-error-code"], int(refused["Retry-After"]) > 0) == ("TooManyOperations", True)
    assert owner.delete(f"{base}/s-0").status_code == 202


@pytest.mark.django_db
def test_api6_a_put_and_a_delete_by_name_have_one_effect_without_any_key(owner: APIClient):
    address = "/api/v1/workspaces/cigna/services/claims"
    asks = {
        "create_database": lambda: owner.put(address, WISH, format="json"),
        "delete_database": lambda: owner.delete(address),
    }
    for kind, ask in asks.items():
        locations = {ask()["Operation-Location"] for _ in range(3)}
        assert len(locations) == Operation.objects.filter(kind=kind).count() == 1


@pytest.mark.django_db
def test_api8_answers_carry_the_headers_of_a_closed_house(operator: APIClient):
    for address in ("/api/v1/workspaces", "/api/v1/nothing", "/api/v1/openapi.json"):
        answer = operator.get(address, headers={"Origin": "https://evil.example"})
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "same-origin"
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
        assert "Server" not in answer.headers


@pytest.mark.django_db
def test_api8_a_fault_of_ours_is_answered_without_a_trace(operator: APIClient, monkeypatch: pytest.MonkeyPatch):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE inventory_workspace RENAME TO moved_away")
    answer = operator.get("/api/v1/workspaces")
    assert (answer.status_code, answer["x-ms-error-code"]) == (500, "InternalError")
    assert not re.search(r"Traceback|File \"|moved_away|inventory_|django|SELECT", answer.content.decode())


@pytest.mark.django_db
def test_api8_answers_are_no_pages(operator: APIClient):
    answer = operator.get("/api/v1/workspaces", headers={"Accept": "text/html"})
    assert (answer.status_code, answer["Content-Type"]) == (406, "application/json")


@pytest.mark.django_db
def test_api9_the_contract_is_the_one_that_was_reviewed(client):
    """Write it anew with: python -m tests.acceptance.outline > docs/api.txt"""
    assert outline(client.get("/api/v1/openapi.json").json()) == CONTRACT.read_text(encoding="utf-8")


@pytest.mark.django_db
def test_api9_every_route_is_documented_and_carries_its_version(client):
    listed = client.get("/api/v1/openapi.json").json()["paths"]
    assert set(listed) == {PATHS[route.name] for route in guarded_routes()}
    assert all(path.startswith("/api/v1/") for path in listed)
    outside = {str(entry.pattern) for entry in get_resolver().url_patterns}
    assert outside == {"healthz", "readyz", "metrics", "console/", "api/"}  # nothing for tests or debugging


@pytest.mark.django_db
def test_api9_every_version_has_an_owner_and_a_promise_until_when_it_stands(client, settings):
    settings.API_OWNER = "platform-sql"
    document = client.get("/api/v1/openapi.json")
    told = {one["version"]: one for one in document.json()["info"]["x-api-versions"]}
    assert set(told) == {path.split("/")[2] for path in document.json()["paths"]}
    assert all(one["owner"] == "platform-sql" and one["deprecationPolicy"] == versions.POLICY for one in told.values())
    assert document["api-supported-versions"] == "v1"
    assert "Deprecation" not in document


@pytest.mark.django_db
def test_api9_a_deprecated_version_says_so_in_every_answer_a_year_before_it_ends(client, monkeypatch):
    old = versions.ApiVersion("v1", date(2031, 1, 1), date(2032, 1, 1))
    monkeypatch.setattr(versions, "VERSIONS", (old, versions.ApiVersion("v2")))
    answer = client.get("/api/v1/nothing")
    assert answer["api-supported-versions"] == "v1, v2"
    assert answer["Deprecation"] == "@1924992000"
    assert answer["Sunset"] == "Thu, 01 Jan 2032 00:00:00 GMT"
    with pytest.raises(ValueError, match="notice"):
        versions.ApiVersion("v1", date(2031, 1, 1), date(2031, 6, 1))


def test_api10_an_answer_of_azure_leads_nowhere_else_and_is_checked():
    azure = Azure()
    server = ServerRef(azure.arm.subscriptions[0], "rg", "s")
    hosts: list[str] = []

    def answering(response: Response) -> Callable[[Request, Callable[[], Response]], Response]:
        def around(request: Request, call: Callable[[], Response]) -> Response:
            hosts.append(request.host)
            return response if request.path.startswith("/subscriptions") else call()

        return around

    for response, error in (
        (Response(302, {"location": "https://evil.example/"}), Rejected),
        (
            Response(200, {"content-type": "application/json"}, b'{"value": [], "nextLink": "http://evil.example/x"}'),
            Rejected,
        ),
        (Response(200, {"content-type": "application/json"}, b'{"id": 7, "name": [], "properties": 1}'), RetryLater),
    ):
        configure(azure, around=answering(response))
        with pytest.raises(error):
            factory.sql_management().list_databases(server)
    with pytest.raises(Rejected):
        factory.sql_management().poll(server.subscription_id, "https://evil.example/poll")
    assert "evil.example" not in hosts


def test_api10_the_directory_cannot_lead_us_to_keys_elsewhere(directory: Directory):
    def elsewhere(url: str) -> object:
        assert url.startswith(AUTHORITY)
        return {"issuer": "x", "jwks_uri": "https://evil.example/keys"}

    with pytest.raises(DirectoryUnavailable):
        SigningKeys(AUTHORITY, fetch=elsewhere).find(TENANT, "any")


class Endless:
    """An answer that never ends; each part takes a second."""

    def __init__(self, part: bytes) -> None:
        self.part = part

    def read1(self, n: int, /) -> bytes:
        return self.part[:n]


@pytest.mark.parametrize("part", [b"0" * 65_536, b"0"])
def test_api10_an_answer_of_the_directory_without_bounds_is_given_up(part: bytes):
    """That of Azure is given up likewise: tests/cloud/test_transport.py."""
    seconds = count()
    with pytest.raises(ValueError, match="too"):
        read_bounded(Endless(part), now=lambda: float(next(seconds)))

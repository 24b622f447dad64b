"""OWASP API Security Top 10 (2023), rows 1, 2, 3 and 5: whose, who, what of it, and by which right."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
import structlog
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from controlplane.api import auth
from controlplane.api.access import RULES
from controlplane.api.principals import Role
from controlplane.api.rebalancing_rules import COLUMNS as RULE_NAMES
from controlplane.api.signing_keys import SigningKeys
from controlplane.api.throttles import RefusedSignIns
from inventory.models import Workspace
from operations.models import AuditEvent
from tests.acceptance.callers import AUTHORITY, Directory, with_token
from tests.acceptance.expected import EXPECTED
from tests.acceptance.routes import METHODS, Route, guarded_routes
from tests.acceptance.tables import contents
from tests.acceptance.test_access import BODIES, CALLERS_BODIES, asked, prepared
from tests.acceptance.test_openapi import PATHS
from tests.acceptance.test_sign_in import refusals_of
from tests.builders import a_database, a_deleted_service, a_service, a_subscription, a_workspace
from tests.local_azure import LocalAzure, run_until_settled

NARROW = Role.WORKSPACE_OWNER  # sees what it is a member of, and may do most
LISTS = ("workspaces", "operations", "audit-events", "notifications", "receivers", "dead-letters")
OF_NO_ONE_THING = (*LISTS, "notifications-mark-read")
WITH_IDS = [
    route for route in guarded_routes() if str(NARROW) in EXPECTED[str(route)] and route.name not in OF_NO_ONE_THING
]
READ_ONLY = ("state", "owner", "fence", "cost_center", "id", "provisioningState", "createdAt", "workspace")
THEIRS_TO_SET = {("POST receivers", "workspace"), ("POST notifications-mark-read", "workspace")}  # see row 1
TAKEN = {
    *("properties", "region", "displayName", "tenantId", "retentionDays", "members", "objectId", "rotation", "days"),
    *("window", "firstHour", "endHour", "timeZone", "kind", "sizeGb", "cast", "reason", "pointInTime"),
    *("uid", "secretVersion"),
    *("windows", "freezes", "day", "opens", "minutes", "startsAt", "endsAt", "channel", "address", "eventTypes"),
    *("number", "vcores", "maxSizeGb", "planHash", "acceptDisruption"),
    *("workspace", "ids"),  # of notifications and receivers: test_owasp_outbound
    *("authMode", "identity", "clientId", "cutover", "dueAt"),
    *("enabled", "least", "most", "servedPercent", "monthlyBudget"),
    *("tier", "home", "zoneRedundant", "backupRedundancy"),
    *("until", *RULE_NAMES),
    *(
        "encryption",
        "keyUri",
        "followNewVersions",
    ),  # of a customer's own vault: the key URIs' guard has tests of its own
    *(
        "arrivals",
        "count",
        "loss",
        "to",
        "pricesPercent",
        "headroom",
        "vcoresPercent",
        "storagePercent",
    ),  # suppositions
}
OF_OPERATORS = {
    "scope",
    "name",
    "subscriptionId",
    "resourceGroup",
    "server",
    "servers",
    "pool",
    "database",
    "service",
    "assignments",
    "tag",
}
INNER = re.compile(r"password|fence|lease|claim|secretvalue|connectionstring|choices|costcenter", re.IGNORECASE)


def told(answer: Any) -> tuple[int, bytes, dict[str, str]]:
    """All that an answer says, but for its own id."""
    return answer.status_code, answer.content, {n: v for n, v in answer.headers.items() if n != "x-ms-request-id"}


@pytest.mark.django_db
@pytest.mark.parametrize("route", WITH_IDS, ids=str)
def test_api1_a_foreign_id_is_answered_like_an_absent_one(route: Route, directory: Directory):
    addresses = prepared()
    stranger = directory.caller("stranger", NARROW, member_of=a_workspace("other"))
    stranger.get("/api/v1/workspaces")
    foreign = addresses[route.name]
    absent = re.sub(r"[0-9a-f-]{36}", str(uuid4()), foreign).replace("cigna", "nowhere")
    before = contents()
    answers, costs = [], []
    for address in (foreign, absent):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answers.append(asked(stranger, route, address))
        costs.append(len(queries))
    assert answers[0].status_code == 404
    assert told(answers[0]) == told(answers[1])
    assert costs[0] == costs[1], "who counts the time could tell them apart"
    assert contents() == before
    assert AuditEvent.objects.filter(action="api.refused", outcome="refused").count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["operations", "audit-events", "notifications", "receivers", "dead-letters"])
def test_api1_a_foreign_id_in_a_filter_is_answered_like_an_absent_one(name: str, directory: Directory):
    addresses = prepared()
    stranger = directory.caller("stranger", NARROW)
    foreign, absent = (stranger.get(f"{addresses[name]}?workspace={one}") for one in ("cigna", "nowhere"))
    assert foreign.status_code == 404
    assert told(foreign) == told(absent)


@pytest.mark.django_db
def test_api1_a_page_of_another_caller_shows_nothing_of_theirs(directory: Directory):
    for number in range(3):
        a_workspace(f"mine-{number}")
    operator = directory.caller("operator", Role.OPERATOR)
    link = operator.get("/api/v1/workspaces?maxpagesize=1").json()["nextLink"]
    stranger = directory.caller("stranger", NARROW, member_of=a_workspace("other"))
    assert [row["name"] for row in stranger.get(link).json()["value"]] == ["other"]


@pytest.mark.django_db
def test_api1_a_name_of_a_foreign_service_means_nothing_in_ones_own_workspace(directory: Directory):
    prepared()
    stranger = directory.caller("stranger", NARROW, member_of=a_workspace("other"))
    for part in ("", "/database", "/credentials"):
        answer = stranger.get(f"/api/v1/workspaces/other/services/claims{part}")
        assert (answer.status_code, answer["x-ms-error-code"]) == (404, "ServiceNotFound")


@pytest.mark.django_db
def test_api1_a_foreign_deleted_service_in_a_body_is_answered_like_an_absent_one(directory: Directory):
    foreign = a_deleted_service(a_workspace("cigna"), "gone").service
    a_deleted_service(a_workspace("other"), "gone")
    owner = directory.caller("owner", NARROW, member_of=a_workspace("other"))
    assert foreign is not None
    address = "/api/v1/workspaces/other/services/gone:restore"
    answers = [owner.post(address, {"uid": str(uid)}, format="json") for uid in (foreign.pk, uuid4())]
    assert answers[0].status_code == 404
    assert told(answers[0]) == told(answers[1])


@pytest.mark.django_db
def test_api1_bodies_name_nothing_that_could_be_foreign(client):
    """A field that names one of our resources has to get a test of its own, as `uid` below; operators see all anyway."""
    document = client.get("/api/v1/openapi.json").json()
    schemas = document["components"]["schemas"]
    requests = {name: schema for name, schema in schemas.items() if schema.get("additionalProperties") is False}
    assert {field for schema in requests.values() for field in schema["properties"]} <= {*TAKEN, *OF_OPERATORS}
    naming = {name for name, schema in requests.items() if OF_OPERATORS & set(schema["properties"])}
    for (name, method), roles in RULES.items():
        body = document["paths"][PATHS[name]][method.lower()].get("requestBody", {"content": {}})["content"]
        sent = body.get("application/json", {}).get("schema", {}).get("$ref", "").rsplit("/", 1)[-1]
        assert sent not in naming or roles == {Role.OPERATOR}


@pytest.mark.django_db
@pytest.mark.parametrize("route", guarded_routes(), ids=str)
def test_api2_no_route_takes_a_token_with_a_fault(route: Route, directory: Directory):
    address, before = prepared()[route.name], contents()
    for fault, token in refusals_of(directory).items():
        answer = asked(with_token(token), route, address)
        assert (answer.status_code, answer["x-ms-error-code"]) == (401, "AuthenticationFailed"), fault
        assert token not in answer.content.decode()
    assert contents() == before


@pytest.mark.django_db
def test_api2_keys_roll_over(directory: Directory):
    now = [1000.0]
    auth.configure(SigningKeys(AUTHORITY, fetch=directory.fetch, now=lambda: now[0]))
    assert directory.caller("operator", Role.OPERATOR).get("/api/v1/workspaces").status_code == 200
    old = directory.token("operator", "Operator")
    directory.entra = Directory(seed=77).entra
    now[0] += 3601
    assert directory.caller("operator", Role.OPERATOR).get("/api/v1/workspaces").status_code == 200
    assert with_token(old).get("/api/v1/workspaces").status_code == 401


@pytest.mark.django_db
def test_api2_failures_are_throttled_and_no_token_is_logged_or_taken_from_an_address(
    directory: Directory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(RefusedSignIns, "THROTTLE_RATES", {"refused_sign_ins": "2/min"})
    good, bad = directory.token("operator", "Operator"), directory.token("operator", "Operator", audience="api://other")
    with structlog.testing.capture_logs() as logs:
        assert APIClient().get(f"/api/v1/workspaces?access_token={good}").status_code == 401
        statuses = [with_token(bad).get("/api/v1/workspaces").status_code for _ in range(3)]
        assert with_token(good).get("/api/v1/workspaces").status_code == 200
    assert statuses == [401, 429, 429]
    written = f"{logs} {caplog.text} {[event.__dict__ for event in AuditEvent.objects.all()]}"
    assert good not in written
    assert bad not in written


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "field"),
    [(name, field) for name in CALLERS_BODIES for field in READ_ONLY if (name, field) not in THEIRS_TO_SET],
)
def test_api3_no_write_takes_a_field_that_is_not_the_callers_to_set(name: str, field: str, directory: Directory):
    addresses = prepared()
    operator = directory.caller("operator", Role.OPERATOR)
    operator.get("/api/v1/workspaces")
    method, route = name.split()
    below = {**BODIES[name].get("properties", {}), field: "x"}
    bodies = [{**BODIES[name], field: "x"}, *([{"properties": below}] if "properties" in BODIES[name] else [])]
    before = contents()
    for body in bodies:
        answer = operator.generic(method, addresses[route], json.dumps(body), "application/json")
        assert (answer.status_code, answer["x-ms-error-code"]) == (400, "UnknownField")
    assert contents() == before


@pytest.mark.django_db
def test_api3_answers_name_their_fields_and_none_is_an_inner_one(client):
    schemas = client.get("/api/v1/openapi.json").json()["components"]["schemas"]
    fields = set(_fields(schemas))
    assert len(fields) > 50
    assert not [field for field in fields if INNER.search(field)]
    free = {name for name, schema in schemas.items() if "properties" not in schema and schema.get("type") == "object"}
    assert free == set(), "an answer without named fields may hold anything"


def _fields(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for inner in schema.values():
            yield from _fields(inner)


def test_api3_no_answer_holds_a_secret_or_tells_of_neighbours(committed_db: None, directory: Directory):
    azure = LocalAzure()
    a_subscription(azure.subscription_id)
    workspace, address = a_workspace("cigna"), "/api/v1/workspaces/cigna/services/claims"
    owner = directory.caller("owner", NARROW, member_of=workspace)
    body = {"properties": {"kind": "dicom", "sizeGb": 10, "cast": True}}
    assert owner.put(address, body, format="json").status_code == 202
    run_until_settled(azure, seconds=60)
    shown = [owner.get(f"{address}{part}").content for part in ("", "/database", "/credentials")]
    a_database(a_service(a_workspace("neighbour"), "theirs"), status="ready")
    neighbour = directory.caller("neighbour", NARROW, member_of=a_workspace("neighbour"))
    neighbour.put("/api/v1/workspaces/neighbour/services/more", body, format="json")
    run_until_settled(azure, seconds=60)
    assert [owner.get(f"{address}{part}").content for part in ("", "/database", "/credentials")] == shown

    values = {v["value"] for versions in azure.secrets().values() for v in versions}
    secrets = {_password_in(value) for value in values}
    assert len(secrets) >= 5
    everything = directory.caller("operator", Role.OPERATOR)
    lists = ["subscriptions", "servers", "pools", "databases", "operations", "audit-events?maxpagesize=200"]
    pages = [everything.get(f"/api/v1/{name}").content.decode() for name in lists]
    for text in [*pages, *(content.decode() for content in shown)]:
        assert not [secret for secret in secrets if secret in text]


def _password_in(value: str) -> str:
    return str(json.loads(value)["password"]) if value.startswith("{") else value


@pytest.mark.django_db
@pytest.mark.parametrize("role", list(Role))
def test_api5_no_role_finds_a_method_that_the_table_does_not_name(role: Role, directory: Directory):
    """Bulk changes of lists, PATCH, OPTIONS and TRACE among them; cells that the table names are in test_access."""
    addresses = prepared()
    client = directory.caller("somebody", role, member_of=Workspace.objects.get())
    client.get("/api/v1/workspaces")
    before = contents()
    cells = [(name, method) for name in addresses for method in METHODS if (name, method) not in RULES]
    cells.remove(("key-vault-events", "OPTIONS"))  # with the rule of its POST, as webhooks are agreed upon
    assert len(cells) > 80
    for name, method in cells:
        answer = client.generic(method, addresses[name], b"", "application/json")
        assert (answer.status_code, answer["x-ms-error-code"]) == (405, "MethodNotAllowed"), (name, method)
    assert contents() == before


@pytest.mark.django_db
def test_api5_a_token_of_the_api_opens_no_page_of_the_console(directory: Directory):
    operator = directory.caller("operator", Role.OPERATOR)
    for address in ("/console/", "/console/operations/operation/"):
        answer = operator.get(address)
        assert answer.status_code == 302
        assert "/console/login/" in answer["Location"]

"""The OpenAPI document says what the API does."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from controlplane.api.access import RULES
from controlplane.api.principals import Role
from tests.acceptance.callers import Directory
from tests.acceptance.routes import guarded_routes
from tests.builders import a_region

pytestmark = pytest.mark.django_db
PATHS = {
    "workspaces": "/api/v1/workspaces",
    **{name: f"/api/v1/{name}" for name in ("subscriptions", "servers", "pools", "databases", "audit-events")},
    "workspace": "/api/v1/workspaces/{workspace}",
    "workspace-certificate": "/api/v1/workspaces/{workspace}/certificate",
    "services": "/api/v1/workspaces/{workspace}/services",
    "service": "/api/v1/workspaces/{workspace}/services/{service}",
    "service-change": "/api/v1/workspaces/{workspace}/services/{service}:change",
    **{
        f"service-{verb}": f"/api/v1/workspaces/{{workspace}}/services/{{service}}:{verb}"
        for verb in ("enable-cmk", "change-cmk-key", "disable-cmk")
    },
    "service-encryption": "/api/v1/workspaces/{workspace}/services/{service}/encryption",
    "service-convert": "/api/v1/workspaces/{workspace}/services/{service}:convert",
    "service-convert-back": "/api/v1/workspaces/{workspace}/services/{service}:convert-back",
    "service-restore": "/api/v1/workspaces/{workspace}/services/{service}:restore",
    "deleted-services": "/api/v1/workspaces/{workspace}/deleted-services",
    "service-database": "/api/v1/workspaces/{workspace}/services/{service}/database",
    "service-credentials": "/api/v1/workspaces/{workspace}/services/{service}/credentials",
    "service-credentials-acknowledge": "/api/v1/workspaces/{workspace}/services/{service}/credentials:acknowledge",
    "service-sessions": "/api/v1/workspaces/{workspace}/services/{service}/credentials/sessions",
    "service-emergency-rotations": "/api/v1/workspaces/{workspace}/services/{service}/emergency-rotations",
    "workspace-emergency-rotations": "/api/v1/workspaces/{workspace}/emergency-rotations",
    "emergency-rotations": "/api/v1/emergency-rotations",
    **{name: f"/api/v1/{name}" for name in ("findings", "repair-pauses")},
    **{f"finding-{verb}": f"/api/v1/findings/{{finding}}:{verb}" for verb in ("repair", "accept", "remove")},
    "repair-pause": "/api/v1/repair-pauses/{target}",
    "adoptions": "/api/v1/adoptions",
    "service-credentials-issue": "/api/v1/workspaces/{workspace}/services/{service}/credentials:issue",
    "growth-proposals": "/api/v1/workspaces/{workspace}/growth-proposals",
    **{
        f"growth-proposal-{verb}": f"/api/v1/workspaces/{{workspace}}/growth-proposals/{{proposal}}:{verb}"
        for verb in ("accept", "schedule", "dismiss")
    },
    "service-placement": "/api/v1/workspaces/{workspace}/services/{service}/placement",
    "database-placement": "/api/v1/databases/{database}/placement",
    "load-calibration": "/api/v1/load-calibration",
    "what-if": "/api/v1/what-if",
    "pool-proposals": "/api/v1/pool-proposals",
    **{f"pool-proposal-{verb}": f"/api/v1/pool-proposals/{{proposal}}:{verb}" for verb in ("approve", "dismiss")},
    "planned-moves": "/api/v1/workspaces/{workspace}/planned-moves",
    **{
        f"planned-move-{verb}": f"/api/v1/workspaces/{{workspace}}/planned-moves/{{move}}:{verb}"
        for verb in ("accept", "defer", "veto")
    },
    **{name: f"/api/v1/{name}" for name in ("rebalance-plans", "rebalancing-rules")},
    "rebalance-plans-compute": "/api/v1/rebalance-plans:compute",
    "rebalance-plan": "/api/v1/rebalance-plans/{plan}",
    **{f"rebalance-plan-{verb}": f"/api/v1/rebalance-plans/{{plan}}:{verb}" for verb in ("approve", "reject")},
    "rebalancing-rule": "/api/v1/rebalancing-rules/{region}",
    "rebalancing-rule-resume": "/api/v1/rebalancing-rules/{region}:resume",
    "key-vault-events": "/api/v1/webhooks/key-vault",
    "notifications": "/api/v1/notifications",
    "notifications-mark-read": "/api/v1/notifications:mark-read",
    "receivers": "/api/v1/receivers",
    "receiver": "/api/v1/receivers/{receiver}",
    **{
        f"receiver-{act}": f"/api/v1/receivers/{{receiver}}:{act}"
        for act in ("pause", "resume", "test", "rotate-secret", "replay")
    },
    "dead-letters": "/api/v1/dead-letters",
    "workspace-maintenance": "/api/v1/workspaces/{workspace}/maintenance",
    "maintenance": "/api/v1/maintenance",
    "operations": "/api/v1/operations",
    "operation": "/api/v1/operations/{operation}",
    **{
        f"operation-{verb}": f"/api/v1/operations/{{operation}}:{verb}"
        for verb in ("cancel", "consent", "start-now", "retry", "skip", "adopt", "abandon")
    },
    "pool": "/api/v1/pools/{pool}",
    **{f"pool-{verb}": f"/api/v1/pools/{{pool}}:{verb}" for verb in ("cordon", "uncordon", "resize", "drain")},
    **{f"server-{verb}": f"/api/v1/servers/{{server}}:{verb}" for verb in ("cordon", "uncordon")},
    "database-move": "/api/v1/databases/{database}:move",
    "warm-stocks": "/api/v1/warm-stocks",
    "warm-stock": "/api/v1/warm-stocks/{stock}",
    "warm-stock-resume": "/api/v1/warm-stocks/{stock}:resume",
}


@pytest.fixture
def document(client) -> dict[str, Any]:
    answer = client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def test_it_lists_every_route_and_no_other(document):
    listed = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert listed == {(PATHS[name], method) for name, method in RULES}


@pytest.mark.parametrize("route", guarded_routes(), ids=str)
def test_every_route_tells_its_errors_in_one_shape_and_how_to_sign_in(route, document):
    described = document["paths"][PATHS[route.name]][route.method.lower()]
    assert described["security"] == [{"entra": []}]
    assert {"400", "401", "403", "405", "413", "429"} <= set(described["responses"])
    for status, answer in described["responses"].items():
        if int(status) >= 400:
            schema = answer["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ErrorDocument"}
            assert "x-ms-error-code" in answer["headers"]
        if status == "202":
            assert {"Operation-Location", "Location", "Retry-After"} <= set(answer["headers"])
        assert "x-ms-request-id" in answer["headers"]


def test_shapes_of_requests_take_no_unknown_fields(document):
    schemas = document["components"]["schemas"]
    body = document["paths"][PATHS["service"]]["put"]["requestBody"]["content"]
    assert set(body) == {"application/json"}
    name = body["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
    assert schemas[name]["additionalProperties"] is False


def test_answers_have_the_shape_that_the_document_promises(document, directory: Directory):
    operator = directory.caller("operator", Role.OPERATOR)
    a_region("eastus")
    workspace, service = "/api/v1/workspaces/cigna", "/api/v1/workspaces/cigna/services/claims"
    asked = {"properties": {"kind": "fhir", "sizeGb": 10}}
    answers = {
        ("workspace", "put"): operator.put(workspace, {"properties": {"region": "eastus"}}, format="json"),
        ("service", "put"): operator.put(service, asked, format="json"),
        ("service", "get"): operator.get(service),
        ("service-database", "get"): operator.get(f"{service}/database"),
        ("services", "get"): operator.get(f"{workspace}/services"),
        ("workspaces", "get"): operator.get("/api/v1/workspaces"),
        ("operations", "get"): operator.get("/api/v1/operations"),
        ("workspace", "get"): operator.get("/api/v1/workspaces/nowhere"),
        ("workspace", "delete"): operator.delete(workspace),
        ("service", "delete"): operator.delete(service),
    }
    for (name, method), answer in answers.items():
        described = document["paths"][PATHS[name]][method]["responses"][str(answer.status_code)]
        schema = described["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator({**schema, "components": closed(document["components"])}).validate(
            answer.json()
        )


def closed(schema: Any) -> Any:
    """The schema with no object taking fields that it does not name: an answer must hold nothing undocumented."""
    if isinstance(schema, list):
        return [closed(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(value) for name, value in schema.items()}
    return (
        {**inner, "additionalProperties": False} if "properties" in schema and schema.get("type") == "object" else inner
    )


def test_the_page_loads_only_what_we_serve_ourselves(client):
    page = client.get("/api/v1/docs", headers={"accept": "text/html"})
    assert page.status_code == 200
    text = page.content.decode()
    assert "https://" not in text
    assert "http://" not in text
    assert "<script>" not in text
    for source in _between(text, 'src="', '"') + _between(text, '<link rel="stylesheet" href="', '"'):
        assert client.get(source).status_code == 200, source


def _between(text: str, before: str, after: str) -> list[str]:
    return [part.partition(after)[0] for part in text.split(before)[1:]]

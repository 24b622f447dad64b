"""Requests made up from the OpenAPI document, good and bad: no 5xx, and no answer that the document does not tell."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from rest_framework.test import APIClient
from schemathesis import GenerationMode

from controlplane.api.access import RULES
from controlplane.api.principals import Role
from controlplane.api.view import ApiView
from tests.acceptance.callers import Directory
from tests.builders import a_pool, a_region, a_workspace

pytestmark = pytest.mark.django_db
SAMPLE, ALL = 100, 20_000
REAL = {"workspace": "cigna", "service": "claims"}  # every second request is about what is there


@pytest.fixture
def operator(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> APIClient:
    monkeypatch.setattr(ApiView, "throttle_classes", ())
    a_workspace("cigna", a_region("eastus"))
    a_pool()
    return directory.caller("operator", Role.OPERATOR)


def test_a_sample_of_made_up_requests_is_answered_as_documented(operator: APIClient):
    assert asked(operator, cases=SAMPLE) >= SAMPLE * 0.9


@pytest.mark.full
def test_twenty_thousand_made_up_requests_are_answered_as_documented(operator: APIClient):
    assert asked(operator, cases=ALL * 11 // 10) >= ALL


def asked(client: APIClient, *, cases: int) -> int:
    """Ask about so many requests, shared by all methods; returns how many there were."""
    document = client.get("/api/v1/openapi.json").json()
    operations = [result.ok() for result in schemathesis.openapi.from_dict(document).get_all_operations()]
    assert len(operations) == len(RULES)
    each = -(-cases // (2 * len(operations)))
    count = 0
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            count += _ask(client, document, operation, mode=mode, examples=each)
    return count


def _ask(client: APIClient, document: dict[str, Any], operation: Any, *, mode: GenerationMode, examples: int) -> int:
    count = 0

    @seed(1)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        nonlocal count
        count += 1
        _check(client, document, case, about_what_is_there=count % 2 == 0)

    ask()
    return count


def _check(client: APIClient, document: dict[str, Any], case: Any, *, about_what_is_there: bool) -> None:
    names = {name: str(value) for name, value in dict(case.path_parameters or {}).items()}
    if about_what_is_there:
        names |= {name: value for name, value in REAL.items() if name in names}
    path = case.path
    for name, value in names.items():
        path = path.replace(f"{{{name}}}", quote(value, safe="") or "x")
    described = document["paths"][case.path][case.method.lower()]
    answer = client.generic(
        case.method, f"{path}?{_query(case)}", _body(case), "application/json", headers=_headers(case)
    )
    assert answer.status_code < 500, (case.method, path, answer.content)
    if answer.headers.get("x-ms-error-code") == "RouteNotFound":
        return  # what was made up is no such address: a name of slashes
    assert str(answer.status_code) in described["responses"], (case.method, path, answer.status_code, answer.content)
    content = described["responses"][str(answer.status_code)].get("content")
    if content and answer.content:
        schema = {**content["application/json"]["schema"], "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(answer.json())


def _query(case: Any) -> str:
    return urlencode(dict(case.query or {}), doseq=True, errors="replace")


def _headers(case: Any) -> dict[str, str]:
    """Those that HTTP can carry."""
    given_ones = {name: str(value) for name, value in dict(case.headers or {}).items()}
    return {
        n: v for n, v in given_ones.items() if n.isascii() and v.isprintable() and v.isascii() and n != "Authorization"
    }


def _body(case: Any) -> bytes:
    if isinstance(case.body, (dict, list, str, int, float, bool)) or case.body is None:
        return json.dumps(case.body).encode() if case.body is not None else b""
    return b""

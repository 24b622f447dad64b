"""Requests made up from the OpenAPI document, good and bad: no 5xx, and no answer that the document does not tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import jsonschema
import pytest
import schemathesis
from django.core.cache import cache as kept
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, seed, settings
from rest_framework.test import APIClient
from schemathesis import GenerationMode

from controlplane.api.access import RULES
from controlplane.api.principals import Role
from controlplane.api.view import ApiView
from operations.models import Operation
from tests.acceptance.callers import Directory
from tests.acceptance.test_access import prepared
from tests.acceptance.test_openapi import PATHS, closed

pytestmark = pytest.mark.django_db
SAMPLE, ALL = 200, 20_000
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
ROUTES = sorted(RULES)


@pytest.fixture
def operator(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> APIClient:
    monkeypatch.setattr(ApiView, "throttle_classes", ())
    _there.clear()
    _there.update(prepared())
    Operation.objects.update(state="needs_attention", step="place")
    return directory.caller("operator", Role.OPERATOR)


def test_a_sample_of_made_up_requests_is_answered_as_documented(operator: APIClient):
    each = -(-SAMPLE // len(ROUTES))
    assert sum(asked(operator, *route, cases=each) for route in ROUTES) >= SAMPLE * 0.9


@pytest.mark.full
@pytest.mark.parametrize(("name", "method"), ROUTES, ids=lambda word: word)
def test_made_up_requests_are_answered_as_documented(name: str, method: str, operator: APIClient, record_property):
    """Each route gets its share of twenty thousand."""
    each = -(-ALL // len(ROUTES))
    count = asked(operator, name, method, cases=each)
    record_property("made-up requests", count)
    assert count >= each


def asked(client: APIClient, name: str, method: str, *, cases: int) -> int:
    """Ask about so many requests of one route, each kind of them from the same rows; returns how many there were."""
    described(client)
    operation = _operations()[PATHS[name], method]
    there = _there.get(name, "")
    return sum(_ask(client, operation, there=there, mode=mode, examples=-(-cases // 2)) for mode in MODES)


_documents: list[dict[str, Any]] = []
_there: dict[str, str] = {}
"""Addresses by route of what is there: every second request is about it."""


def described(client: APIClient) -> None:
    """Read the document once for all tests of this process."""
    if not _documents:
        _documents.append(client.get("/api/v1/openapi.json").json())


@cache
def _operations() -> dict[tuple[str, str], Any]:
    (document,) = _documents
    found = [result.ok() for result in schemathesis.openapi.from_dict(document).get_all_operations()]
    assert len(found) == len(RULES)
    return {(one.path, one.method.upper()): one for one in found}


def _ask(client: APIClient, operation: Any, *, there: str, mode: GenerationMode, examples: int) -> int:
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
        _check(client, case, there=there if count % 2 == 0 else "")

    with undone():
        ask()
    return count


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    kept.clear()


def _check(client: APIClient, case: Any, *, there: str) -> None:
    path = there or _made_up(case)
    told = _documents[0]["paths"][case.path][case.method.lower()]["responses"]
    answer = client.generic(
        case.method, f"{path}?{_query(case)}", _body(case), "application/json", headers=_headers(case)
    )
    assert answer.status_code < 500, (case.method, path, answer.content)
    if answer.headers.get("x-ms-error-code") == "RouteNotFound":
        return  # what was made up is no such address: a name of slashes
    assert str(answer.status_code) in told, (case.method, path, answer.status_code, answer.content)
    if told[str(answer.status_code)].get("content") and answer.content:
        _validator(case.path, case.method.lower(), str(answer.status_code)).validate(answer.json())


def _made_up(case: Any) -> str:
    path: str = case.path
    for name, value in dict(case.path_parameters or {}).items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe="") or "x")
    return path


@cache
def _validator(path: str, method: str, status: str) -> Any:
    """Takes what the document promises, and no field beside it."""
    (document,) = _documents
    schema = document["paths"][path][method]["responses"][status]["content"]["application/json"]["schema"]
    return jsonschema.Draft202012Validator({**schema, "components": closed(document["components"])})


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

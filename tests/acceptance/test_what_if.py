"""Suppositions by REST and from a shell: what it would cost, risk and move."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from tests.acceptance.callers import Directory
from tests.acceptance.tables import contents
from tests.crowded import Crowded, crowded_rows
from tests.prices import prices_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def crowded(db: None) -> Crowded:
    return crowded_rows()


@pytest.fixture
def operator(directory: Directory) -> APIClient:
    return directory.caller("operator", Role.OPERATOR)


def ask(client: APIClient, question: dict[str, Any], status: int = 200) -> Any:
    answer = client.post("/api/v1/what-if", question, format="json")
    assert answer.status_code == status, answer.content
    return answer.json()


def arrivals(crowded: Crowded, **more: Any) -> dict[str, Any]:
    return {"region": crowded.region, "kind": "fhir", "sizeGb": 200, "count": 300, **more}


def test_three_hundred_arrivals_show_pools_to_make_and_nothing_changes(
    operator: APIClient, crowded: Crowded, settings, tmp_path: Path
):
    settings.PRICES_FILE = prices_of("westus3", folder=tmp_path)
    before = contents()
    (told,) = ask(operator, {"arrivals": [arrivals(crowded)]})["value"]
    assert contents() == before
    assert (told["now"]["databases"], told["then"]["databases"]) == (4, 304)
    made = sum(pools["count"] for pools in told["newPools"])
    assert told["then"]["pools"] - told["now"]["pools"] == made > 0
    assert told["moves"]["count"] == 1
    assert told["cost"]["monthlyAfter"] is None, "no prices of this region are configured, and it says so"
    assert crowded.region in told["cost"]["note"]


def test_an_empty_question_shows_the_fleet_as_it_is(operator: APIClient, crowded: Crowded):
    (told,) = ask(operator, {})["value"]
    assert told["now"] == told["then"]


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ({"arrivals": [{"region": "eastus", "kind": "fhir", "sizeGb": 1, "count": 0}]}, "InvalidRequestBody"),
        ({"arrivals": [{"region": "eastus", "kind": "fhir", "sizeGb": "1", "count": 1}]}, "InvalidRequestBody"),
        ({"arrivals": [{"region": "eastus", "kind": "pacs", "sizeGb": 1, "count": 1}]}, "InvalidRequestBody"),
        ({"arrivals": [{"region": "atlantis", "kind": "fhir", "sizeGb": 1, "count": 1}]}, "QuestionRefused"),
        ({"loss": {"region": "eastus"}}, "InvalidRequestBody"),
        ({"loss": {"region": "eastus", "to": "eastus"}}, "QuestionRefused"),
        ({"headroom": {"vcoresPercent": 100}}, "InvalidRequestBody"),
        ({"pricesPercent": 1.5}, "InvalidRequestBody"),
        ({"weather": "fine"}, "UnknownField"),
    ],
)
def test_a_wrong_question_is_refused_and_says_why(
    operator: APIClient, crowded: Crowded, question: dict[str, Any], code: str
):
    assert ask(operator, question, 400)["error"]["code"] == code


def test_owners_cannot_ask(directory: Directory, crowded: Crowded):
    ask(directory.caller("owner", Role.WORKSPACE_OWNER), {}, 403)


def test_the_shell_prints_a_table_and_the_same_document(operator: APIClient, crowded: Crowded):
    out = io.StringIO()
    call_command("what_if", "--arrive", f"300x200GB:fhir@{crowded.region}", "--headroom-vcores", "10", stdout=out)
    *table, document = out.getvalue().splitlines()
    asked = {"arrivals": [arrivals(crowded)], "headroom": {"vcoresPercent": 10}}
    assert json.loads(document)["what_if"] == ask(operator, asked)["value"]
    assert any("pools above level" in line for line in table)
    assert any("to make" in line for line in table)


@pytest.mark.parametrize(
    "option", ["--arrive=many", "--arrive=1x1GB:fhir@nowhere", "--lose=eastus", "--headroom-vcores=100"]
)
def test_the_shell_refuses_what_it_cannot_read(crowded: Crowded, option: str):
    with pytest.raises(CommandError):
        call_command("what_if", option, stdout=io.StringIO())

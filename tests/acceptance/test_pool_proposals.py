"""Pools' sizes by REST and in the console: operators see why, what it costs, and decide."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import ElasticPool
from operations.models import Operation
from provisioning.models import PoolProposal
from tests.acceptance.callers import Directory
from tests.builders import a_pool_proposal
from tests.crowded import Crowded, crowded_rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def crowded(db: None) -> Crowded:
    return crowded_rows()


@pytest.fixture
def operator(directory: Directory) -> APIClient:
    return directory.caller("operator", Role.OPERATOR)


def decide(client: APIClient, row: PoolProposal, verb: str, status: int, **body: Any) -> Any:
    path = f"/api/v1/pool-proposals/{row.pk}:{verb}"
    answer = client.post(path, {"reason": "Because.", **body}, format="json")
    assert answer.status_code == status, answer.content
    return answer.json()


def test_an_operator_sees_the_reason_and_approves(operator: APIClient, crowded: Crowded):
    row = a_pool_proposal(crowded.second)
    (listed,) = operator.get("/api/v1/pool-proposals").json()["value"]
    assert (listed["pool"], listed["step"], listed["because"]) == (
        crowded.second.azure_name,
        "delete",
        "Nobody uses it.",
    )
    operation = decide(operator, row, "approve", 202)
    assert Operation.objects.get(pk=operation["id"]).kind == "delete_pool"
    assert decide(operator, row, "dismiss", 409)["error"]["code"] == "ProposalOver"


def test_another_size_wants_its_plan_or_a_word(operator: APIClient, crowded: Crowded):
    row = a_pool_proposal(crowded.first, step="grow", vcores=10)
    refused = decide(operator, row, "approve", 409)["error"]
    assert refused["code"] == "DisruptionNotAccepted"
    assert refused["plan"]["properties"]["change"]["disruption"]["databases"] == 4
    path = f"/api/v1/pool-proposals/{row.pk}:approve?dryRun=true"
    plan = operator.post(path, {"reason": "Because."}, format="json").json()
    assert plan["properties"]["planHash"] == refused["plan"]["properties"]["planHash"]
    assert not Operation.objects.exists()
    assert decide(operator, row, "approve", 202, planHash=plan["properties"]["planHash"])


def test_a_dismissed_one_may_still_be_approved(operator: APIClient, crowded: Crowded):
    row = a_pool_proposal(crowded.second)
    assert decide(operator, row, "dismiss", 200)["state"] == "dismissed"
    decide(operator, row, "approve", 202)


def test_what_its_pool_cannot_do_any_more_is_refused_and_stays_open(operator: APIClient, crowded: Crowded):
    row = a_pool_proposal(crowded.second)
    ElasticPool.objects.filter(pk=crowded.second.pk).update(databases_committed=1)
    assert decide(operator, row, "approve", 409)["error"]["code"] == "PoolNotEmpty"
    row.refresh_from_db()
    assert row.state == "open"

"""Load is spread by REST: operators plan, approve and set rules; owners see and decide about their own moves alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import ElasticPool, Workspace
from operations.models import AuditEvent
from placement.models import PlannedMove, RebalancingRules
from tests.acceptance.callers import Directory
from tests.crowded import Crowded, crowded_rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def crowded(db: None) -> Crowded:
    return crowded_rows()


@pytest.fixture
def operator(directory: Directory) -> APIClient:
    return directory.caller("operator", Role.OPERATOR)


def post(client: APIClient, path: str, document: dict[str, Any] | None = None, status: int = 200) -> Any:
    answer = client.post(f"/api/v1/{path}", document, format="json") if document else client.post(f"/api/v1/{path}")
    assert answer.status_code == status, answer.content
    return answer.json()


def approved(operator: APIClient, crowded: Crowded) -> dict[str, Any]:
    plan = post(operator, "rebalance-plans:compute", {"region": crowded.region})
    return post(operator, f"rebalance-plans/{plan['id']}:approve", {"reason": "It is crowded."})


def test_an_operator_computes_a_plan_with_everything_that_it_is_worth(operator: APIClient, crowded: Crowded):
    plan = post(operator, "rebalance-plans:compute", {"region": crowded.region})
    assert (plan["state"], plan["overageAfter"], plan["bound"], plan["gap"], plan["fewestMoves"]) == (
        "proposed",
        0.0,
        0.0,
        0.0,
        1,
    )
    (move,) = plan["moves"]
    assert (move["sourcePool"], move["targetPool"]) == (crowded.first.azure_name, crowded.second.azure_name)
    assert {row["pool"] for row in plan["pools"]} == {crowded.first.azure_name, crowded.second.azure_name}
    listed = operator.get("/api/v1/rebalance-plans").json()["value"]
    assert [row["id"] for row in listed] == [plan["id"]]
    assert operator.get(f"/api/v1/rebalance-plans/{plan['id']}").json() == plan


def test_an_unknown_region_is_refused(operator: APIClient):
    assert post(operator, "rebalance-plans:compute", {"region": "atlantis"}, 400)["error"]["code"] == "UnknownRegion"


def test_approving_twice_and_rejecting_after_all_is_over_is_refused(operator: APIClient, crowded: Crowded):
    plan = approved(operator, crowded)
    again = post(operator, f"rebalance-plans/{plan['id']}:approve", {"reason": "Again."}, 409)
    assert again["error"]["code"] == "PlanOver"
    assert post(operator, f"rebalance-plans/{plan['id']}:reject", {"reason": "No."})["state"] == "rejected"
    assert AuditEvent.objects.filter(action="rebalance.rejected", reason="No.").exists()


def test_rules_are_shown_set_and_resumed(operator: APIClient, crowded: Crowded):
    path = f"/api/v1/rebalancing-rules/{crowded.region}"
    assert operator.get(path).json()["mode"] == "advise"
    answer = operator.put(path, {"mode": "act", "movesAnHour": 7}, format="json")
    assert (answer.json()["mode"], answer.json()["movesAnHour"], answer.json()["noticeHours"]) == ("act", 7, 24)
    assert operator.put(path, {"mode": "always"}, format="json").status_code == 400
    RebalancingRules.objects.update(halted_at="2026-11-22T00:00:00Z", halted_because="Odd.")
    resumed = post(operator, f"rebalancing-rules/{crowded.region}:resume", {"reason": "Looked at."})
    assert (resumed["haltedAt"], resumed["haltedBecause"]) == (None, "")


def test_an_owner_sees_its_own_move_and_nothing_of_pools_or_neighbours(
    operator: APIClient, crowded: Crowded, directory: Directory
):
    plan = approved(operator, crowded)
    move = PlannedMove.objects.get(plan=plan["id"])
    mine = Workspace.objects.get(name=move.workspace)
    owner = directory.caller("owner", Role.WORKSPACE_OWNER, member_of=mine)
    document = owner.get(f"/api/v1/workspaces/{mine.name}/planned-moves").json()
    assert [row["id"] for row in document["value"]] == [str(move.pk)]
    told = json.dumps(document)
    others = [row for row in crowded.crowd if row.pk != move.database_id]
    for row in (crowded.first, crowded.second, *others):
        assert row.azure_name not in told
        assert str(row.pk) not in told
    assert owner.get("/api/v1/rebalance-plans").status_code == 403
    other = Workspace.objects.exclude(pk=mine.pk).first()
    assert owner.get(f"/api/v1/workspaces/{other.name}/planned-moves").status_code == 404


@pytest.mark.parametrize(
    ("verb", "body", "state"),
    [
        ("accept", None, "accepted"),
        ("veto", {"reason": "We go live."}, "vetoed"),
        ("defer", {"until": "IN A WEEK"}, "deferred"),
    ],
)
def test_an_owner_decides(
    verb: str, body: dict[str, Any] | None, state: str, operator: APIClient, crowded: Crowded, directory: Directory
):
    plan = approved(operator, crowded)
    move = PlannedMove.objects.get(plan=plan["id"])
    owner = directory.caller("owner", Role.WORKSPACE_OWNER, member_of=Workspace.objects.get(name=move.workspace))
    if body and "until" in body:
        body = {"until": move.due_at.replace(microsecond=0).isoformat()}
    told = post(owner, f"workspaces/{move.workspace}/planned-moves/{move.pk}:{verb}", body)
    assert told["state"] == state


def test_a_deferral_into_the_past_is_refused(operator: APIClient, crowded: Crowded):
    move = PlannedMove.objects.get(plan=approved(operator, crowded)["id"])
    path = f"workspaces/{move.workspace}/planned-moves/{move.pk}:defer"
    assert post(operator, path, {"until": "2020-01-01T00:00:00Z"}, 400)["error"]["target"] == "until"


def test_operators_see_why_a_database_stands_there_and_owners_their_figures(
    operator: APIClient, crowded: Crowded, directory: Directory
):
    row = crowded.crowd[0]
    found = operator.get(f"/api/v1/databases/{row.azure_name}/placement").json()
    assert found["candidates"][0]["pool"] == str(crowded.second.pk)
    mine = row.service.workspace
    owner = directory.caller("owner", Role.WORKSPACE_OWNER, member_of=mine)
    told = owner.get(f"/api/v1/workspaces/{mine.name}/services/claims/placement").json()
    assert told["figures"] == found["figures"]
    assert set(told) == {"rules", "figures"}
    assert owner.get(f"/api/v1/databases/{row.azure_name}/placement").status_code == 403


def test_operators_may_ask_why_not_there_and_hear_by_how_much(operator: APIClient, crowded: Crowded):
    row, path = crowded.crowd[0], f"/api/v1/databases/{crowded.crowd[0].azure_name}/placement"
    assert operator.get(path).json()["whyNotThere"] is None
    there = operator.get(f"{path}?pool={crowded.second.azure_name}").json()
    assert there["whyNotThere"] == []
    ElasticPool.objects.filter(pk=crowded.second.pk).update(max_size_bytes=row.size_bytes, bytes_committed=2**30)
    told = operator.get(f"{path}?pool={crowded.second.azure_name}").json()["whyNotThere"]
    assert told == [{"constraint": "has_free_storage", "missing": float(2**30), "unit": "bytes"}]
    assert operator.get(f"{path}?pool=p-nowhere").status_code == 400

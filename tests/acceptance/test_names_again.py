"""A name that was given back has another holder: who sees nothing of the former one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database, ServiceInstance, Workspace
from operations import clock
from placement.models import PlannedMove, RebalancingRules
from placement.rebalancing.deciding import objections_left
from provisioning.forgetting import request_due
from tests.acceptance.callers import Directory
from tests.builders import (
    a_database,
    a_deleted_service,
    a_plan,
    a_proposal,
    a_region,
    a_server,
    a_service,
    a_workspace,
)
from tests.local_azure import work

pytestmark = pytest.mark.django_db


@pytest.fixture
def database(db: None) -> Database:
    workspace = a_workspace("cigna", a_region("eastus"))
    return a_database(a_service(workspace, "claims"), server=a_server(workspace.region), status="ready")


def removed(workspace: Workspace) -> None:
    """As its removal leaves it."""
    now = clock.now()
    Database.objects.filter(service__workspace=workspace).update(status="deleted", deleted_at=now)
    ServiceInstance.objects.filter(workspace=workspace).update(deleted_at=now)
    Workspace.objects.filter(pk=workspace.pk).update(deleted_at=now)


def next_holder(directory: Directory) -> tuple[Workspace, APIClient]:
    fresh = Workspace.objects.create(name="cigna", region=a_region("eastus"))
    return fresh, directory.caller("newcomer", Role.WORKSPACE_OWNER, member_of=fresh)


def test_what_is_forgotten_of_a_former_holder_is_not_shown_to_the_next(directory: Directory):
    old = a_workspace("cigna", a_region("eastus"))
    database = a_deleted_service(old, "secret-project")
    now = timezone.now()
    Database.objects.filter(pk=database.pk).update(restorable_until=now - timedelta(hours=1))
    Workspace.objects.filter(pk=old.pk).update(deleted_at=now - timedelta(days=8))
    fresh, newcomer = next_holder(directory)
    Workspace.objects.filter(pk=fresh.pk).update(created_at=now - timedelta(days=7))
    assert request_due() == 1
    assert newcomer.get("/api/v1/operations").json()["value"] == []
    shown = newcomer.get("/api/v1/audit-events").json()["value"]
    assert [one for one in shown if one["target"].startswith("database:")] == []


def test_the_removal_of_the_former_holder_and_its_certificate_are_not_shown(directory: Directory):
    operator = directory.caller("operator", Role.OPERATOR)
    a_workspace("cigna", a_region("eastus"))
    assert operator.delete("/api/v1/workspaces/cigna").status_code == 202
    for _ in range(5):
        work()
    assert operator.get("/api/v1/workspaces/cigna/certificate").status_code == 200
    _, newcomer = next_holder(directory)
    assert newcomer.get("/api/v1/operations").json()["value"] == []


def test_growth_proposals_of_a_former_holder_are_neither_shown_nor_decided(directory: Directory, database: Database):
    row = a_proposal(database)
    removed(database.service.workspace)
    _, newcomer = next_holder(directory)
    url = "/api/v1/workspaces/cigna/growth-proposals"
    assert newcomer.get(url).json()["value"] == []
    assert newcomer.post(f"{url}/{row.pk}:dismiss", {"reason": "No."}, format="json").status_code == 404


def test_planned_moves_of_a_former_holder_are_neither_shown_nor_decided(directory: Directory, database: Database):
    move = a_plan(database, state="approved").moves.get()
    removed(database.service.workspace)
    _, newcomer = next_holder(directory)
    url = "/api/v1/workspaces/cigna/planned-moves"
    assert newcomer.get(url).json()["value"] == []
    assert newcomer.post(f"{url}/{move.pk}:veto", {"reason": "No."}, format="json").status_code == 404


def test_objections_of_a_former_holder_do_not_count(directory: Directory, database: Database):
    move = a_plan(database, state="approved").moves.get()
    PlannedMove.objects.update(deferred_until=clock.now(), decided_at=clock.now())
    rules = RebalancingRules.objects.get(region=database.region)
    assert objections_left(move, rules) == rules.objections - 1
    removed(database.service.workspace)
    fresh, _ = next_holder(directory)
    theirs = a_database(a_service(fresh, "claims"), server=a_server(fresh.region), status="ready")
    elsewhere = a_plan(theirs, state="approved", region=a_region("centralindia"))
    assert objections_left(elsewhere.moves.get(), rules) == rules.objections

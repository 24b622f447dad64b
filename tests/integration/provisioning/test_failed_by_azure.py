"""What Azure accepted and then failed at is asked for anew, a few times."""

from __future__ import annotations

import re

import pytest

from inventory.models import Database, Workspace
from inventory.states import Status
from operations.models import Operation
from provisioning.awaiting import ASKED_ANEW
from provisioning.services import ServiceWish, request_service
from simulator.faults import FaultKind, FaultRule
from tests.builders import GIB
from tests.local_azure import LocalAzure, run_until_settled


def a_wish(workspace: Workspace) -> Database:
    granted = request_service(workspace, ServiceWish("claims", "fhir", 100 * GIB), actor="tests")
    return Database.objects.get(service=granted.service)


def fail(azure: LocalAzure, path: str, *, times: int) -> None:
    azure.azure.faults.add(FaultRule(FaultKind.FAILED_OPERATION, method="PUT", path=re.compile(path), count=times))


@pytest.mark.parametrize("path", [r"/servers/[^/]+$", r"/elasticPools/[^/]+$", r"/databases/[^/]+$"])
def test_an_operation_that_azure_fails_at_once_is_asked_for_again(azure: LocalAzure, workspace: Workspace, path: str):
    database = a_wish(workspace)
    fail(azure, path, times=1)
    run_until_settled(azure)
    database.refresh_from_db()
    assert database.status == Status.READY


def test_an_operation_that_azure_always_fails_at_fails_in_the_end(azure: LocalAzure, workspace: Workspace):
    database = a_wish(workspace)
    fail(azure, r"/databases/[^/]+$", times=ASKED_ANEW + 1)
    run_until_settled(azure)
    database.refresh_from_db()
    assert (database.status, database.error_code) == (Status.FAILED, "InternalServerError")
    assert Operation.objects.get(kind="create_database").state == "failed"


@pytest.mark.parametrize("path", [r"/servers/[^/]+$", r"/elasticPools/[^/]+$"])
def test_a_second_attempt_leaves_a_place_that_never_came_to_be(azure: LocalAzure, workspace: Workspace, path: str):
    database = a_wish(workspace)
    rule = FaultRule(
        FaultKind.FAILED_OPERATION, method="PUT", path=re.compile(path), count=1, code="OperationCancelled"
    )
    azure.azure.faults.add(rule)
    run_until_settled(azure)
    database.refresh_from_db()
    assert (database.status, database.error_code) == (Status.FAILED, "OperationCancelled")
    a_wish(workspace)
    run_until_settled(azure)
    database.refresh_from_db()
    assert database.status == Status.READY

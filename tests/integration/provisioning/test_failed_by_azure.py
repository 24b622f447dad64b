"""What Azure accepted and then failed at is asked for anew, a few times."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

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


@pytest.mark.parametrize("path", [r"/servers/[^/]+$", r"/elasticPools/[^/]+$", r"/databases/[^/]+$"])
def test_what_fails_after_its_answer_was_lost_is_asked_for_again(azure: LocalAzure, workspace: Workspace, path: str):
    """Nobody was told of the operation that failed: only that Azure shows nothing tells of it."""
    database = a_wish(workspace)
    fail(azure, path, times=1)
    lost: list[str] = []

    def lose_one(name: str, call: Callable[[], Any]) -> Any:
        answer = call()
        if name.startswith("PUT ") and re.search(path, name) and not lost:
            lost.append(name)
            raise requests.exceptions.ReadTimeout("The read timed out.")
        return answer

    azure.around = lose_one
    run_until_settled(azure)
    database.refresh_from_db()
    assert lost
    assert database.status == Status.READY


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

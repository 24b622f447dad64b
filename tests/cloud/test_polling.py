"""One look at a long-running operation."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from cloud import factory
from cloud.classify import failure_of
from cloud.errors import InProgress, NoRoomHere, RetryLater
from cloud.polls import PollState
from cloud.protocols import SqlManagement
from simulator.azure import Azure
from simulator.faults import FaultKind, FaultRule
from simulator.http import Request, Response, answer
from tests.cloud.builders import POOL, POOLED, a_pool, a_server
from tests.cloud.in_process import configure


def test_an_operation_is_followed_by_its_url(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    accepted = arm.begin_create_pool(server, "p-1", POOL)
    assert accepted.poll_url is not None
    assert accepted.request_id
    assert accepted.retry_after == 15
    assert arm.poll(server.subscription_id, accepted.poll_url).state is PollState.RUNNING
    azure.clock.advance(timedelta(hours=1))
    assert arm.poll(server.subscription_id, accepted.poll_url).state is PollState.SUCCEEDED


def test_nothing_waits_inside_a_call(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    before = azure.clock.now()
    arm.begin_create_pool(server, "p-1", POOL)
    assert azure.clock.now() - before < 1, "the SDK's sleeps move this clock"


def test_an_operation_that_failed_tells_its_class(azure: Azure, arm: SqlManagement):
    server = a_pool(azure, a_server(azure))
    azure.faults.add(
        FaultRule(FaultKind.FAILED_OPERATION, code="ElasticPoolOverStorage", path=re.compile("/databases/"))
    )
    accepted = arm.begin_create_database(server, "d-1", POOLED)
    azure.clock.advance(timedelta(hours=1))
    assert accepted.poll_url is not None
    poll = arm.poll(server.subscription_id, accepted.poll_url)
    assert (poll.state, poll.code) == (PollState.FAILED, "ElasticPoolOverStorage")
    assert type(failure_of(poll)) is NoRoomHere


@pytest.mark.parametrize(
    ("status", "body", "state", "code"),
    [
        (200, b'{"status": "InProgress"}', PollState.RUNNING, ""),
        (200, b'{"status": "CancelInProgress", "error": {"code": "OperationCancelled"}}', PollState.RUNNING, ""),
        (200, b'{"status": "SomethingNew"}', PollState.RUNNING, ""),
        (202, b"", PollState.RUNNING, ""),
        (202, b'{"operation": "DropLogicalDatabase", "startTime": "x"}', PollState.RUNNING, ""),
        (200, b'{"status": "Succeeded"}', PollState.SUCCEEDED, ""),
        (200, b"", PollState.SUCCEEDED, ""),
        (204, b"", PollState.SUCCEEDED, ""),
        (200, b'{"status": "Canceled", "error": {"code": "OperationCancelled"}}', PollState.CANCELED, "OperationCancelled"),
        (200, b'{"status": "Cancelled"}', PollState.CANCELED, "Canceled"),
        (200, b'{"status": "Failed", "error": {"code": "InternalServerError"}}', PollState.FAILED, "InternalServerError"),
        (200, b'{"status": "Failed"}', PollState.FAILED, "Failed"),
    ],
)  # fmt: skip
def test_every_spelling_of_a_poll_answer_is_read(azure: Azure, status: int, body: bytes, state: PollState, code: str):
    def reply(request: Request, call: Callable[[], Response]) -> Response:
        if not request.path.startswith("/subscriptions"):
            return call()
        return Response(status, {"content-type": "application/json", "retry-after": "15"}, body)

    configure(azure, around=reply)
    subscription = azure.arm.subscriptions[0]
    poll = factory.sql_management().poll(subscription, f"https://management.azure.com/subscriptions/{subscription}/x")
    assert (poll.state, poll.code) == (state, code)
    assert poll.retry_after == (15 if state is PollState.RUNNING else None)


def test_a_forgotten_operation_is_neither_done_nor_failed(azure: Azure):
    def forget(request: Request, call: Callable[[], Response]) -> Response:
        if not request.path.startswith("/subscriptions"):
            return call()
        return answer(404, {"error": {"code": "OperationIdNotFound", "message": "?"}})

    configure(azure, around=forget)
    subscription = azure.arm.subscriptions[0]
    poll = factory.sql_management().poll(subscription, f"https://management.azure.com/subscriptions/{subscription}/x")
    assert poll.state is PollState.FORGOTTEN


def test_a_failed_read_of_a_poll_url_is_not_a_failed_operation(azure: Azure, arm: SqlManagement):
    server = a_server(azure)
    accepted = arm.begin_create_pool(server, "p-1", POOL)
    azure.faults.add(FaultRule(FaultKind.STATUS, status=503, code="ServiceTemporarilyUnavailable"))
    assert accepted.poll_url is not None
    with pytest.raises(RetryLater):
        arm.poll(server.subscription_id, accepted.poll_url)
    assert arm.poll(server.subscription_id, accepted.poll_url).state is PollState.RUNNING


def test_an_operation_of_somebody_else_is_in_progress(azure: Azure, arm: SqlManagement):
    server = a_pool(azure, a_server(azure))
    arm.begin_create_database(server, "d-1", POOLED)
    with pytest.raises(InProgress):
        arm.begin_delete_database(server, "d-1")

"""What operators decide about an operation that needs attention."""

from __future__ import annotations

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database
from inventory.states import Status
from operations.locks import Lock, Mode, request
from operations.models import AuditEvent, Operation, ResourceLock, StepRun
from operations.services import submit
from tests.acceptance.callers import Directory
from tests.builders import a_database, a_pool, a_service, a_workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(directory: Directory) -> APIClient:
    return directory.caller("operator", Role.OPERATOR)


def a_stuck_creation(step: str = "start_create") -> Operation:
    database = a_database(a_service(a_workspace("cigna")), status=Status.CREATING)
    operation = submit("create_database", target=database.key, actor="test", workspace="cigna")
    request(operation, [Lock("pool:1", Mode.SHARED, "test")])
    Operation.objects.filter(pk=operation.pk).update(
        state="needs_attention", step=step, attempt=12, error_code="Teapot", error_message="No.", maybe_happened=True
    )
    return operation


def decide(client: APIClient, operation: Operation, verb: str, reason: object = "It stands."):
    return client.post(f"/api/v1/operations/{operation.pk}:{verb}", {"reason": reason}, format="json")


@pytest.mark.parametrize(
    ("verb", "step", "goes_to"),
    [
        ("retry", "start_create", "start_create"),
        ("retry", "place", "place"),
        ("skip", "secure_retention", "secure_encryption"),
        ("skip", "await_create", "examine_create"),
        ("adopt", "start_create", "await_create"),
    ],
)
def test_it_goes_on_where_the_operator_says(operator: APIClient, verb: str, step: str, goes_to: str):
    operation = a_stuck_creation(step)
    fence = operation.fence
    answer = decide(operator, operation, verb)
    assert answer.status_code == 200, answer.content
    assert (answer.json()["status"], answer.json()["step"]) == ("Running", goes_to)
    operation.refresh_from_db()
    assert (operation.state, operation.step, operation.attempt, operation.error_code) == ("running", goes_to, 0, "")
    assert operation.due_at <= AuditEvent.objects.latest("at").at
    assert ResourceLock.objects.filter(operation=operation).exists()  # what it held, it holds
    event = AuditEvent.objects.get(actor__startswith="entra:", action__startswith="operation.")
    assert event.reason == "It stands."
    if verb != "retry":
        assert operation.fence == fence + 1
        assert StepRun.objects.get(operation_id=operation.pk).outcome == {"skip": "skipped", "adopt": "adopted"}[verb]


def test_the_last_steps_end_settles_the_operation(operator: APIClient):
    pool = a_pool(status=Status.CREATING)
    operation = submit("create_pool", target=pool.key, actor="test")
    Operation.objects.filter(pk=operation.pk).update(state="needs_attention", step="examine_create")
    assert decide(operator, operation, "skip").json()["status"] == "Succeeded"
    pool.refresh_from_db()
    assert pool.status == Status.READY


def test_an_abandoned_one_fails_and_gives_back_its_locks_and_lets_its_follower_go(operator: APIClient):
    operation = a_stuck_creation()
    url = "/api/v1/workspaces/cigna/services/claims"
    assert operator.delete(url).status_code == 202
    follower = Operation.objects.get(kind="delete_database")
    assert follower.follows == operation
    assert decide(operator, operation, "abandon").json()["error"] == {"code": "Teapot", "message": "No."}
    assert Database.objects.get().status == Status.FAILED
    assert not ResourceLock.objects.exists()
    follower.refresh_from_db()
    assert follower.follows is None


@pytest.mark.parametrize(
    ("verb", "step"),
    [("skip", "hold_place"), ("skip", "verify_login"), ("adopt", "publish_secret"), ("adopt", "await_create")],
)
def test_what_later_steps_need_is_not_left_out(operator: APIClient, verb: str, step: str):
    operation = a_stuck_creation(step)
    answer = decide(operator, operation, verb)
    assert (answer.status_code, answer["x-ms-error-code"]) == (409, "StepNotSkippable")
    operation.refresh_from_db()
    assert (operation.state, operation.step, operation.attempt) == ("needs_attention", step, 12)


@pytest.mark.parametrize("verb", ["retry", "skip", "adopt", "abandon"])
def test_only_what_needs_attention_is_decided_about_and_never_without_a_reason(operator: APIClient, verb: str):
    operation = a_stuck_creation()
    for reason in ("", "   ", None, 5, "x" * 501, "a\x00b"):
        answer = decide(operator, operation, verb, reason)
        assert (answer.status_code, answer["x-ms-error-code"]) == (400, "InvalidRequestBody"), reason
    for state in ("queued", "running", "succeeded", "failed", "cancelled"):
        Operation.objects.filter(pk=operation.pk).update(state=state)
        answer = decide(operator, operation, verb)
        assert (answer.status_code, answer["x-ms-error-code"]) == (409, "NoAttentionNeeded")


def test_a_workspace_has_only_so_many_open_operations_and_removals_are_always_taken(directory: Directory):
    owner = directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))
    url, body = "/api/v1/workspaces/cigna/services/{}", {"properties": {"kind": "fhir", "sizeGb": 1}}
    with override_settings(WORKSPACE_OPEN_OPERATIONS=2):
        assert [owner.put(url.format(name), body, format="json").status_code for name in ("aa", "bb")] == [202, 202]
        answer = owner.put(url.format("cc"), body, format="json", headers={"Idempotency-Key": "k"})
        assert (answer.status_code, answer["x-ms-error-code"]) == (429, "TooManyOperations")
        assert int(answer["Retry-After"]) > 0
        assert owner.delete(url.format("aa")).status_code == 202
        Operation.objects.update(state="failed")
        assert owner.put(url.format("cc"), body, format="json", headers={"Idempotency-Key": "k"}).status_code == 202


def test_a_wish_for_what_is_about_to_be_removed_names_the_removal(directory: Directory):
    owner = directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))
    url, body = "/api/v1/workspaces/cigna/services/claims", {"properties": {"kind": "fhir", "sizeGb": 1}}
    owner.put(url, body, format="json")
    removal = owner.delete(url)
    answer = owner.put(url, body, format="json")
    assert (answer.status_code, answer["x-ms-error-code"]) == (409, "OperationInProgress")
    assert answer["Operation-Location"] == removal["Operation-Location"]
    assert answer.json()["error"]["details"][0]["target"] == removal["Operation-Location"]

"""A request with a key has its effect once and the same answer each time."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connections
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database, Member
from operations import clock
from operations.models import AuditEvent, IdempotencyKey, Operation
from operations.tasks import forget_answers
from tests.acceptance.callers import Directory
from tests.builders import a_workspace

URL = "/api/v1/workspaces/cigna/services/claims"
BODY = {"properties": {"kind": "fhir", "sizeGb": 10}}


@pytest.fixture
def owner(directory: Directory) -> APIClient:
    return directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))


def put(client: APIClient, *, key: str = "k1", size: int = 10, url: str = URL, header: str = "Idempotency-Key"):
    body = {"properties": {"kind": "fhir", "sizeGb": size}}
    return client.put(url, body, format="json", headers={header: key})


@pytest.mark.django_db
def test_the_same_request_gets_the_same_answer_though_the_service_went_on(owner: APIClient):
    first = put(owner)
    Operation.objects.update(state="succeeded")
    Database.objects.update(status="ready")
    again = put(owner, header="Repeatability-Request-ID")
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.content == first.content
    for header in ("Operation-Location", "Location", "Retry-After", "ETag"):
        assert again[header] == first[header]
    assert again["x-ms-request-id"] != first["x-ms-request-id"]
    assert put(owner, key="k2").status_code == 200


@pytest.mark.django_db
def test_a_key_of_another_request_is_refused_and_changes_nothing(owner: APIClient):
    put(owner)
    for answer in (put(owner, size=11), put(owner, url=URL + "-2")):
        assert (answer.status_code, answer["x-ms-error-code"]) == (409, "IdempotencyKeyReused")
    assert Operation.objects.count() == IdempotencyKey.objects.count() == 1


@pytest.mark.django_db
def test_a_refusal_is_kept_too(owner: APIClient):
    first = put(owner, size=10**9)
    again = put(owner, size=10**9)
    assert first.status_code == again.status_code == 400
    assert first.content == again.content
    assert first["x-ms-error-code"] == again["x-ms-error-code"] == "SizeNotSupported"
    assert AuditEvent.objects.filter(action="api.refused").count() == 1


@pytest.mark.django_db
def test_keys_of_other_callers_methods_and_workspaces_are_other_keys(owner: APIClient, directory: Directory):
    put(owner)
    other = directory.caller("other", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))
    assert put(other, size=11).status_code == 409
    assert IdempotencyKey.objects.count() == 2
    assert owner.delete(URL, headers={"Idempotency-Key": "k1"}).status_code == 202
    directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("other"))
    assert put(owner, url="/api/v1/workspaces/other/services/claims").status_code == 202


@pytest.mark.django_db
def test_who_lost_the_membership_is_not_answered_from_memory(owner: APIClient):
    put(owner)
    a_workspace("cigna").members.all().delete()
    assert (put(owner).status_code, put(owner)["x-ms-error-code"]) == (404, "WorkspaceNotFound")


@pytest.mark.django_db
def test_a_cancel_is_answered_once_and_again_alike(owner: APIClient):
    put(owner)
    url = f"/api/v1/operations/{Operation.objects.get().pk}:cancel"
    first = owner.post(url, headers={"Idempotency-Key": "c"})
    Operation.objects.update(state="cancelled")
    again = owner.post(url, headers={"Idempotency-Key": "c"})
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.content == again.content
    a_workspace("cigna").members.all().delete()
    assert owner.post(url, headers={"Idempotency-Key": "c"}).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 201])
def test_what_is_no_key_is_refused(owner: APIClient, key: str):
    answer = put(owner, key=key)
    assert (answer.status_code, answer["x-ms-error-code"]) == (400, "InvalidIdempotencyKey")
    assert not Operation.objects.exists()


@pytest.mark.django_db
def test_after_a_day_the_key_is_forgotten_and_swept(owner: APIClient):
    put(owner)
    put(owner, key="k2")
    clock.advance(timedelta(hours=24))
    assert put(owner, size=11)["x-ms-error-code"] == "OperationInProgress"
    forget_answers()
    assert [row.key for row in IdempotencyKey.objects.all()] == ["k1"]


def test_twins_have_one_effect_and_one_answer(committed_db, directory: Directory):
    owner = directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))
    owner.get(URL)
    answers, together = [], threading.Barrier(4)

    def ask() -> None:
        together.wait()
        answers.append(put(owner))
        connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {answer.status_code for answer in answers} == {202}
    assert len({(answer.content, answer["Operation-Location"]) for answer in answers}) == 1
    assert Operation.objects.count() == IdempotencyKey.objects.count() == 1


@pytest.mark.django_db
def test_a_refused_receiver_is_kept_under_its_key(directory: Directory):
    owner = directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))
    bad, key = {"workspace": "cigna", "channel": "webhook", "address": "http://127.0.0.1/x"}, {"Idempotency-Key": "r"}
    first = owner.post("/api/v1/receivers", bad, format="json", headers=key)
    assert first.status_code == 400
    assert owner.post("/api/v1/receivers", bad, format="json", headers=key).content == first.content
    other = owner.post(
        "/api/v1/receivers", {**bad, "address": "https://hooks.example.com/x"}, format="json", headers=key
    )
    assert (other.status_code, other["x-ms-error-code"]) == (409, "IdempotencyKeyReused")


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["http://127.0.0.1/x", "https://hooks.example.com/x"])
def test_who_lost_the_membership_is_told_nothing_again(directory: Directory, address: str):
    owner = directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))
    body, key = {"workspace": "cigna", "channel": "webhook", "address": address}, {"Idempotency-Key": "r"}
    assert owner.post("/api/v1/receivers", body, format="json", headers=key).status_code in (201, 400)
    Member.objects.all().delete()
    assert owner.post("/api/v1/receivers", body, format="json", headers=key).status_code == 404

"""OWASP API Security Top 10 (2023), row 7: requests that others make us send; of row 1, what bodies of receivers may name."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from notifications import dispatch
from notifications.models import Notice, NoticeRead, Receiver
from tests.acceptance.callers import Directory
from tests.builders import a_workspace
from tests.notifying import told

pytestmark = pytest.mark.django_db
HOOK = "https://hooks.example.com/in"


@pytest.fixture
def owner(directory: Directory) -> APIClient:
    return directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))


def add(client: APIClient, address: str, **body: Any) -> Any:
    return client.post(
        "/api/v1/receivers",
        {"workspace": "cigna", "channel": "webhook", "address": address, **body},
        format="json",
    )


@pytest.mark.parametrize(
    "address",
    [
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0x0.0x0.0x1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fd00::1]/",
        "https://[fe80::1%25eth0]/",
        "https://169.254.169.254/metadata/instance",
        "https://localhost/",
        "https://localhost:8443/",
        "https://vault/",
        "https://metadata.internal/",
        "https://hooks.example.com:22/",
        "https://hooks.example.com:6379/",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:99999/",
        "https://user@hooks.example.com/",
        "https://user:password@hooks.example.com/",
        "https://hooks.example.com@169.254.169.254/",
        "https://hooks.example.com\\@169.254.169.254/",
        "https://hooks.example.com/#@169.254.169.254/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com/\r\nHost: other",
        "https://hooks.example.com./",
        "https://höoks.example.com/",
        "https://hooks.example.com%2f@other/",
        "//hooks.example.com/",
        "hooks.example.com",
        "",
    ],
)
def test_api7_no_webhook_leads_inside(address: str, owner: APIClient):
    answer = add(owner, address)
    assert answer.status_code == 400
    assert answer["x-ms-error-code"] in ("AddressNotPossible", "InvalidRequestBody")
    assert not Receiver.objects.exists()


def test_api7_a_public_webhook_is_taken(owner: APIClient):
    assert add(owner, HOOK).status_code == 201


def test_api1_a_foreign_workspace_in_a_body_is_answered_like_an_absent_one(owner: APIClient):
    a_workspace("other")
    answers = [add(owner, HOOK, workspace=name) for name in ("other", "nowhere")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    answers = [
        owner.post("/api/v1/notifications:mark-read", {"workspace": name}, format="json")
        for name in ("other", "nowhere")
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert not Receiver.objects.exists()


def test_api1_an_owner_adds_no_receiver_of_the_fleet(owner: APIClient):
    answer = add(owner, HOOK, workspace="")
    assert (answer.status_code, answer["x-ms-error-code"]) == (403, "AuthorizationFailed")


def test_api1_foreign_notifications_are_passed_over_like_absent_ones(owner: APIClient):
    told(a_workspace("other"))
    dispatch.dispatch()
    foreign = Notice.objects.get()
    for ids in ([str(foreign.pk)], [str(uuid4())]):
        for place in ("", "cigna"):
            answer = owner.post("/api/v1/notifications:mark-read", {"workspace": place, "ids": ids}, format="json")
            assert answer.json() == {"marked": 0}
    assert not NoticeRead.objects.exists()

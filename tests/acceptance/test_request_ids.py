from __future__ import annotations

import pytest
import structlog
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.principals import Role
from controlplane.api.workspaces import WorkspacesView
from operations.models import AuditEvent
from tests.acceptance.callers import Directory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/api/v1/workspaces", "/api/v1/nothing", "/nothing", "/console/"]
)
def test_every_answer_has_an_id_of_its_own(path: str, client):
    first, second = client.get(path)["x-ms-request-id"], client.get(path)["x-ms-request-id"]
    assert len(first) == 36
    assert first != second


def test_the_callers_id_is_given_back(client):
    answer = client.get("/healthz", headers={"x-ms-client-request-id": "mine-1"})
    assert answer["x-ms-client-request-id"] == "mine-1"
    assert answer["x-ms-request-id"] != "mine-1"


@pytest.mark.parametrize("id_", ["", "a b", "x" * 65, "a\x00", "ü", '"'])
def test_an_id_that_could_do_harm_is_left_out(id_: str, client):
    answer = client.get("/healthz", headers={"x-ms-client-request-id": id_})
    assert not answer.has_header("x-ms-client-request-id")


def test_log_lines_of_a_request_carry_its_ids(directory: Directory, monkeypatch: pytest.MonkeyPatch):
    seen: list[dict[str, object]] = []
    asked = WorkspacesView.get

    def noting(view: WorkspacesView, request: Request) -> Response:
        seen.append(structlog.contextvars.get_contextvars())
        return asked(view, request)

    monkeypatch.setattr(WorkspacesView, "get", noting)
    operator = directory.caller("operator", Role.OPERATOR)
    answer = operator.get("/api/v1/workspaces", headers={"x-ms-client-request-id": "mine-1"})
    assert seen == [{"request_id": answer["x-ms-request-id"], "client_request_id": "mine-1"}]
    assert structlog.contextvars.get_contextvars() == {}


def test_audit_events_carry_the_id_of_their_request(directory: Directory):
    answer = directory.caller("operator", Role.OPERATOR).get("/api/v1/workspaces")
    assert AuditEvent.objects.get().request_id == answer["x-ms-request-id"]

"""Faults on demand, and what the simulator tells of itself."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from azure.core.exceptions import HttpResponseError, ServiceResponseError

from simulator.azure import Azure
from simulator.http import Request, Response
from tests.simulator.builders import a_database, a_group, a_server, ask, begin_database, settle, sql_client


def control(azure: Azure, method: str, path: str, document: object = None, **query: str) -> Response:
    body = b"" if document is None else orjson.dumps(document)
    return azure.handle(Request(method, "localhost", 8443, f"/_sim/{path}", query, {}, body))


def a_fault(azure: Azure, **rule: object) -> None:
    assert control(azure, "POST", "faults", rule).status == 201


def state(azure: Azure) -> dict:
    return orjson.loads(control(azure, "GET", "state").body)


def databases(azure: Azure) -> list[str]:
    kind = "Microsoft.Sql/servers/databases"
    return [one["name"] for one in state(azure)["resources"] if one["type"] == kind and one["name"] != "master"]


def test_a_status_fault_refuses_once_and_changes_nothing(azure):
    server = a_server(azure)
    a_fault(
        azure, kind="status", method="PUT", path="/databases/d1$", status=503, code="TooManyRequests", retry_after=7
    )
    refused = begin_database(azure, f"{server}/databases/d1")
    assert (refused.status, refused.headers["retry-after"]) == (503, "7")
    assert databases(azure) == []
    assert begin_database(azure, f"{server}/databases/d1").status == 202


def test_a_lost_reply_leaves_the_effect(azure):
    a_server(azure)
    a_fault(azure, kind="lost_reply", method="PUT", path="/databases/")
    with pytest.raises(ServiceResponseError):
        sql_client(azure).databases.begin_create_or_update("rg", "one", "d1", {"location": "eastus"}, polling=False)
    assert databases(azure) == ["d1"]


def test_a_timeout_leaves_no_effect(azure):
    a_server(azure)
    a_fault(azure, kind="timeout", path="/databases/", hang_seconds=5)
    with pytest.raises(ServiceResponseError):
        sql_client(azure).databases.begin_create_or_update("rg", "one", "d1", {"location": "eastus"}, polling=False)
    assert databases(azure) == []


def test_a_failed_operation_is_http_200_with_the_code_and_leaves_nothing(azure):
    a_server(azure)
    a_fault(azure, kind="failed_operation", path="/databases/", code="ProvisioningDisabled", message="Not here.")
    with pytest.raises(HttpResponseError) as failed:
        sql_client(azure).databases.begin_create_or_update("rg", "one", "d1", {"location": "eastus"}).result()
    assert (failed.value.status_code, failed.value.error.code) == (200, "ProvisioningDisabled")
    assert databases(azure) == []


def test_slow_and_stuck_operations_stay_in_progress(azure):
    server = a_server(azure)
    a_fault(azure, kind="slow_operation", path="/databases/slow", seconds=3600)
    a_fault(azure, kind="stuck_operation", path="/databases/stuck")
    begin_database(azure, f"{server}/databases/slow")
    begin_database(azure, f"{server}/databases/stuck")
    azure.clock.advance(timedelta(seconds=3000))
    status = [orjson.loads(ask(azure, "GET", f"{server}/databases/{name}").body) for name in ("slow", "stuck")]
    assert [one["properties"]["status"] for one in status] == ["Creating", "Creating"]
    settle(azure)
    assert b"Online" in ask(azure, "GET", f"{server}/databases/slow").body
    assert b"Creating" in ask(azure, "GET", f"{server}/databases/stuck").body


def test_a_written_resource_may_be_missing_for_a_while(azure):
    server = a_server(azure)
    a_fault(azure, kind="not_found_after", path="/databases/d1$", seconds=30)
    begin_database(azure, f"{server}/databases/d1")
    assert ask(azure, "GET", f"{server}/databases/d1").status == 404
    azure.clock.advance(timedelta(seconds=31))
    assert ask(azure, "GET", f"{server}/databases/d1").status == 200


def test_a_rate_of_faults_follows_the_seed():
    def outcomes() -> list[int]:
        azure = Azure(real=lambda: 0.0, seed=7, throttled=False)
        group = a_group(azure)
        a_fault(azure, kind="status", status=500, rate=0.5)
        return [ask(azure, "GET", group).status for _ in range(20)]

    assert outcomes() == outcomes()
    assert {200, 500} == set(outcomes())


def test_rules_are_listed_cleared_and_checked(azure):
    a_fault(azure, kind="status", count=3)
    assert len(orjson.loads(control(azure, "GET", "faults").body)["value"]) == 1
    assert control(azure, "DELETE", "faults").status == 204
    assert orjson.loads(control(azure, "GET", "faults").body)["value"] == []
    assert control(azure, "POST", "faults", {"kind": "nonsense"}).status == 400
    assert control(azure, "POST", "faults", {"kind": "status", "typo": 1}).status == 400


def test_the_ledger_tells_who_changed_what_once(azure):
    a_database(azure, a_server(azure))
    told = state(azure)
    assert told["effect_counts"]["CreateLogicalDatabase"] == 1
    entry = told["effects"][-1]
    assert (entry["method"], entry["operation"]) == ("PUT", "CreateLogicalDatabase")
    assert entry["who"] == azure.entra.client_id
    assert entry["id"].endswith("/databases/d1")


def test_requests_are_counted_by_service_and_method_but_for_those_about_the_simulator_itself(azure):
    group = a_group(azure)
    before = state(azure)["requests"]
    ask(azure, "GET", group)
    ask(azure, "GET", group)
    assert state(azure)["requests"] == {**before, "arm GET": before.get("arm GET", 0) + 2}


def test_the_clock_is_moved_and_scaled_by_request(azure):
    before = azure.clock.now()
    assert control(azure, "POST", "clock", {"advance_seconds": 90, "scale": 5}).status == 200
    assert azure.clock.now() == before + 90
    assert azure.clock.scale == 5
    assert control(azure, "POST", "clock", {"advance_seconds": -1}).status == 400


def test_the_hook_of_the_transport_can_crash_after_the_effect(azure):
    class Crash(Exception):
        pass

    def crash(request, call):
        call()
        raise Crash

    a_server(azure)
    with pytest.raises(Crash):
        sql_client(azure, crash).databases.begin_create_or_update(
            "rg", "one", "d1", {"location": "eastus"}, polling=False
        )
    assert databases(azure) == ["d1"]


def test_an_application_is_registered_with_its_roles(azure):
    document = {"name": "auditor", "roles": {"api://product": ["Operator"]}}
    app = orjson.loads(control(azure, "POST", "apps", document).body)
    token = azure.entra.token(app["client_id"], "api://product", authority="https://localhost")
    assert azure.entra.verify(token, "api://product")["roles"] == ["Operator"]

"""A server's administrator gets a new password on schedule; at every moment one of two known ones works."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cloud.sql_failures import SqlFailure
from inventory.models import SqlServer
from operations import clock
from operations.errors import OperationInProgress
from operations.models import AuditEvent, Operation
from rotation import administrators
from rotation.models import ServerAdministrator
from simulator.faults import FaultKind, FaultRule
from tests.local_azure import LocalAzure, run_until_settled
from tests.rotating import DAY, a_ready_database, can_sign_in


def a_server(azure: LocalAzure) -> SqlServer:
    a_ready_database(azure)
    return SqlServer.objects.get()


def stable(azure: LocalAzure, server: SqlServer) -> dict[str, str]:
    """How an operator would sign in who reads the stable secret now."""
    newest = azure.secrets()[server.admin_secret_name][-1]
    login = {"endpoint": server.observed_endpoint, "database": "master", "user": server.administrator_login}
    return {**login, "password": newest["value"]}


def rotated(azure: LocalAzure, server: SqlServer) -> Operation:
    operation = administrators.request_admin_rotation(server, actor="tests", reason="an administrator has left")
    run_until_settled(azure)
    operation.refresh_from_db()
    server.refresh_from_db()
    return operation


def test_the_old_password_is_replaced_and_only_the_new_version_stays_enabled(azure: LocalAzure):
    server = a_server(azure)
    before = stable(azure, server)
    assert rotated(azure, server).state == "succeeded"
    after = stable(azure, server)
    assert [can_sign_in(before), can_sign_in(after)] == [False, True]
    enabled = [
        (name, version["version"])
        for name, versions in azure.secrets().items()
        for version in versions
        if name.startswith(server.admin_secret_name) and version["attributes"]["enabled"]
    ]
    assert enabled == [(server.admin_secret_name, server.admin_secret_version)]
    event = AuditEvent.objects.get(action="server.administrator_promoted")
    assert event.reason == "an administrator has left"
    assert "password" not in str(event.after)


def test_databases_are_made_and_rotated_with_the_new_password(azure: LocalAzure):
    server = a_server(azure)
    rotated(azure, server)
    assert a_ready_database(azure, "imaging").server == server


def test_it_is_due_by_policy_and_not_twice_at_once(azure: LocalAzure):
    server = a_server(azure)
    assert administrators.request_due_servers("tests") == 0
    clock.advance(31 * DAY, business=True)
    assert administrators.request_due_servers("tests") == 1
    assert administrators.request_due_servers("tests") == 0
    with pytest.raises(OperationInProgress):
        administrators.request_admin_rotation(server, actor="tests")
    run_until_settled(azure)
    row = ServerAdministrator.objects.get(server=server)
    assert row.checked_at is not None
    assert timedelta(0) < row.rotate_after - clock.now() < 31 * DAY


def test_a_sign_in_that_stays_refused_has_the_password_set_again_then_asks(azure: LocalAzure):
    server = a_server(azure)

    def refuse(name: str, call: Any) -> Any:
        if name == "SQL sign-in":
            raise SqlFailure("Login failed for user 'sppadmin'.", number=18456)
        return call()

    azure.around = refuse
    operation = rotated(azure, server)
    assert (operation.state, operation.error_code) == ("needs_attention", "PasswordNotSet")
    assert operation.choices["asked"] == 5
    azure.around = lambda name, call: call()
    assert can_sign_in(staged(azure, server))


def test_a_password_that_policy_refuses_is_replaced(azure: LocalAzure):
    server = a_server(azure)
    refusals = iter([True])

    def refuse(name: str, call: Any) -> Any:
        if name.startswith("PATCH ") and "/servers/" in name and next(refusals, False):
            azure.azure.faults.add(FaultRule(FaultKind.STATUS, status=400, code="PasswordNotComplex"))
        return call()

    azure.around = refuse
    operation = rotated(azure, server)
    assert (operation.state, operation.choices["passwords_refused"]) == ("succeeded", 1)
    assert len(azure.secrets()[f"{server.admin_secret_name}-staged"]) == 2


def test_an_entra_only_server_has_no_password_to_rotate(azure: LocalAzure):
    server = a_server(azure)
    SqlServer.objects.update(auth_mode="entra_only")
    before = azure.secrets()[server.admin_secret_name]
    assert rotated(azure, server).state == "succeeded"
    assert azure.secrets()[server.admin_secret_name] == before


def staged(azure: LocalAzure, server: SqlServer) -> dict[str, str]:
    return {**stable(azure, server), "password": azure.secrets()[f"{server.admin_secret_name}-staged"][-1]["value"]}

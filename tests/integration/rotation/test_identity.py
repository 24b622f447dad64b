"""Where only Entra may sign in, rotation sees that the identity works; what does not is a human's turn, told by name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory.models import Database, SqlServer
from operations import clock
from operations.models import AuditEvent, Operation
from operations.services import retry
from rotation.due import request_due
from rotation.emergency import Reach, Scope, request_emergency
from rotation.models import Credential
from rotation.services import request_rotation
from tests.entra_only import SERVICE, as_administrator, let_only_entra_in, make_administrator
from tests.local_azure import LocalAzure, run_until_settled
from tests.rotating import a_ready_database, can_sign_in, published


@pytest.fixture
def database(azure: LocalAzure) -> Database:
    return a_ready_database(azure)


def checked(azure: LocalAzure, database: Database) -> Operation:
    operation = request_rotation(Database.objects.get(pk=database.pk), actor="tests", reason="asked for")
    run_until_settled(azure)
    operation.refresh_from_db()
    return operation


def asks(operation: Operation) -> tuple[str, str, str]:
    return operation.state, operation.error_code, operation.error_message


def test_an_identity_that_works_is_seen_and_audited_and_no_password_is_made(azure: LocalAzure, database: Database):
    old = published(azure, database)
    let_only_entra_in(azure, database)
    assert not can_sign_in(old)
    secrets = azure.secrets()
    operation = checked(azure, database)
    row = Credential.objects.get(database=database)
    assert (operation.kind, operation.state, row.user_name) == ("check_identity", "succeeded", SERVICE)
    assert row.checked_at is not None
    assert row.rotate_after is not None
    assert row.rotate_after > row.checked_at
    assert azure.secrets() == secrets
    event = AuditEvent.objects.get(action="credential.identity_checked")
    assert (event.after["user"], event.reason, event.workspace) == (SERVICE, "asked for", "cigna")


def test_it_is_due_by_the_same_policy_as_a_rotation(azure: LocalAzure, database: Database):
    let_only_entra_in(azure, database)
    assert request_due() == 0
    clock.advance(timedelta(days=31), business=True)
    assert request_due() == 1
    assert Operation.objects.get(kind="check_identity").actor == "system:schedule"


def test_a_service_without_its_user_is_told_by_database_step_and_reason(azure: LocalAzure, database: Database):
    let_only_entra_in(azure, database, with_user=False)
    operation = checked(azure, database)
    text = f"{database}, find_user: there is no user of Entra named {SERVICE}."
    assert asks(operation) == ("needs_attention", "IdentityMissing", text)
    assert Credential.objects.get(database=database).checked_at is None
    as_administrator(azure, database, f"CREATE USER [{SERVICE}] FROM EXTERNAL PROVIDER")
    retry(operation, actor="operator:alice", reason="The user is there now.")
    run_until_settled(azure)
    assert Credential.objects.get(database=database).checked_at is not None


def test_a_service_that_may_not_connect_is_told(azure: LocalAzure, database: Database):
    let_only_entra_in(azure, database)
    as_administrator(azure, database, f"DENY CONNECT TO [{SERVICE}]")
    text = f"{database}, find_user: {SERVICE} may not connect."
    assert asks(checked(azure, database)) == ("needs_attention", "IdentityMayNotConnect", text)


def test_our_own_identity_refused_is_told(azure: LocalAzure, database: Database):
    let_only_entra_in(azure, database)
    stranger, _ = azure.azure.entra.add_app("stranger")
    make_administrator(azure, SqlServer.objects.get(), stranger)
    text = f"{database}, sign_in_by_token: our own identity is refused."
    assert asks(checked(azure, database)) == ("needs_attention", "SqlLoginFailed", text)


def test_an_emergency_leaves_it_alone_since_nobody_can_know_what_has_no_password(azure: LocalAzure, database: Database):
    let_only_entra_in(azure, database)
    operation = request_emergency(Reach(Scope.EVERYTHING), actor="tests", reason="leaked")
    run_until_settled(azure)
    operation.refresh_from_db()
    assert (operation.state, operation.choices["progress"]["databases"]) == ("succeeded", 0)

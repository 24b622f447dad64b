"""Databases of services that sign in as identities of Entra: made, proved, restored and removed without a password."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from cloud.identities import EntraPrincipal
from cloud.sql_failures import SqlFailure
from inventory.models import Database, SqlServer, Workspace
from operations.models import AuditEvent, Operation
from provisioning.errors import ChangeNotSupported, IdentityNeeded, IdentityNotUsed
from provisioning.restores import RestoreWish, request_restore
from provisioning.services import ServiceWish, request_deletion, request_service
from rotation.due import request_due
from rotation.models import Credential
from tests.builders import GIB, a_region, a_workspace
from tests.entra_service import an_entra_workspace, an_identity, sign_in_as
from tests.local_azure import LocalAzure, run_until_settled
from tests.rotating import a_ready_database


@pytest.fixture(autouse=True)
def administered(azure: LocalAzure, settings) -> None:
    """We are in the group that administers the servers."""
    settings.SQL_ENTRA_ADMIN_LOGIN = "sql-administrators"
    settings.SQL_ENTRA_ADMIN_OBJECT_ID = azure.azure.entra.sql_administrators


@pytest.fixture
def workspace(azure: LocalAzure) -> Workspace:
    return an_entra_workspace()


@pytest.fixture
def identity(azure: LocalAzure) -> EntraPrincipal:
    return an_identity(azure.azure.entra)


def wish(identity: EntraPrincipal | None, *, size_bytes: int = 100 * GIB) -> ServiceWish:
    return ServiceWish("claims", "fhir", size_bytes, identity)


def made(azure: LocalAzure, workspace: Workspace, identity: EntraPrincipal) -> Database:
    granted = request_service(workspace, wish(identity), actor="tests")
    run_until_settled(azure, seconds=60)
    return Database.objects.select_related("server", "service__workspace").get(service=granted.service)


def test_the_service_signs_in_by_its_token_and_no_secret_was_ever_made(azure: LocalAzure, workspace, identity):
    database = made(azure, workspace, identity)
    assert (database.status, database.error_message) == ("ready", "")
    sign_in_as(azure, identity, database).execute("CREATE TABLE dbo.claims (id INT)")
    with pytest.raises(SqlFailure):
        sign_in_as(azure, identity, database).execute("CREATE USER [more] WITH PASSWORD = N'Some-Password-1'")
    with pytest.raises(SqlFailure):
        sign_in_as(azure, an_identity(azure.azure.entra, "stranger"), database)
    assert azure.secrets() == {}
    assert azure.passwords_set() == {azure.azure.entra.client_secret}
    assert not AuditEvent.objects.filter(action="secret.read").exists()


def test_its_credential_is_the_user_without_a_secret_and_without_an_end(azure: LocalAzure, workspace, identity):
    database = made(azure, workspace, identity)
    row = Credential.objects.get(database=database)
    assert (row.user_name, row.status, row.stable_secret, row.valid_until) == ("claims-api", "active", "", None)
    assert row.checked_at is not None
    assert AuditEvent.objects.get(action="credential.identity_checked").after == {"user": "claims-api"}
    Credential.objects.update(rotate_after=row.checked_at - timedelta(days=1))
    assert request_due() == 1
    run_until_settled(azure)
    assert Operation.objects.get(kind="check_identity").state == "succeeded"


def test_databases_with_passwords_stand_on_other_servers(azure: LocalAzure, workspace, identity):
    database = made(azure, workspace, identity)
    other = a_ready_database(azure, "notes", a_workspace("cigna", a_region("eastus")))
    assert database.server != other.server
    assert (database.server.auth_mode, database.server.admin_secret_name) == ("entra_only", "")
    assert other.server.auth_mode == "sql"
    again = request_service(workspace, replace(wish(an_identity(azure.azure.entra, "b")), name="second"), actor="tests")
    run_until_settled(azure, seconds=60)
    assert Database.objects.get(service=again.service).server == database.server
    assert SqlServer.objects.count() == 2


def test_an_identity_that_the_directory_does_not_know_fails_and_may_be_put_right(azure: LocalAzure, workspace):
    unknown = EntraPrincipal(
        "claims-api", "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"
    )
    database = made(azure, workspace, unknown)
    assert (database.status, database.error_code) == ("failed", "SqlPrincipalUnknown")
    known = an_identity(azure.azure.entra)
    again = made(azure, workspace, known)
    assert (again.pk, again.status) == (database.pk, "ready")
    sign_in_as(azure, known, again).close()


def test_a_user_of_another_application_is_not_taken_for_the_services(azure: LocalAzure, workspace, identity):
    mistaken = replace(identity, client_id=an_identity(azure.azure.entra, "another").client_id)
    made(azure, workspace, mistaken)
    stuck = Operation.objects.get(kind="create_database")
    assert (stuck.state, stuck.error_code, stuck.step) == ("needs_attention", "IdentityOfAnother", "verify_login")


def test_an_identity_belongs_to_such_workspaces_alone_and_stays(azure: LocalAzure, workspace, identity):
    with pytest.raises(IdentityNeeded):
        request_service(workspace, wish(None), actor="tests")
    with pytest.raises(IdentityNotUsed):
        request_service(a_workspace("cigna", a_region("eastus")), wish(identity), actor="tests")
    made(azure, workspace, identity)
    assert request_service(workspace, wish(identity), actor="tests").operation is None
    with pytest.raises(ChangeNotSupported):
        request_service(workspace, wish(an_identity(azure.azure.entra, "another")), actor="tests")


def test_it_comes_back_with_its_user_after_it_was_deleted(azure: LocalAzure, workspace, identity):
    database = made(azure, workspace, identity)
    azure.pass_time(3600)
    request_deletion(database.service, actor="tests")
    run_until_settled(azure, seconds=60)
    with pytest.raises(SqlFailure):
        sign_in_as(azure, identity, database)
    request_restore(workspace, RestoreWish("claims"), actor="tests")
    run_until_settled(azure, seconds=60)
    back = Database.objects.select_related("server").get(pk=database.pk)
    assert (back.status, Credential.objects.get(database=back).status) == ("ready", "active")
    sign_in_as(azure, identity, back).close()
    assert azure.secrets() == {}

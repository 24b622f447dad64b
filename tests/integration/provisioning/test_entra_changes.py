"""Databases of services that sign in as identities of Entra are moved, converted and restored; the identity signs in after
each, and no secret was ever made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from cloud.identities import EntraPrincipal
from cloud.sql_failures import SqlFailure
from inventory.models import Database, SqlServer, Workspace
from inventory.transitions import Backup
from operations import clock
from operations.models import Operation
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.pools import request_drain, request_move
from provisioning.changes.rehoming import Destination, plan_rehoming
from provisioning.changes.ways import Wish, request_way
from provisioning.conversions import ConversionWish, Cutover, request_conversion
from provisioning.restores import RestoreWish, request_restore
from provisioning.returns import request_return
from provisioning.services import ServiceWish, request_service
from rotation.models import Credential
from tests.builders import GIB, TIB
from tests.entra_service import an_entra_workspace, an_identity, sign_in_as
from tests.local_azure import LocalAzure, run_until_settled, until_step
from tests.rehoming import a_server_in_the_making, other_server, rehome

NO_PASSWORD = {"auth_mode": "entra_only", "administrator_login": "", "admin_secret_name": ""}


@pytest.fixture(autouse=True)
def administered(azure: LocalAzure, settings) -> None:
    """We are in the group that administers the servers; nothing is waited for that consumers do."""
    settings.SQL_ENTRA_ADMIN_LOGIN = "sql-administrators"
    settings.SQL_ENTRA_ADMIN_OBJECT_ID = azure.azure.entra.sql_administrators
    settings.CREDENTIAL_OVERLAP_SECONDS = 0


@pytest.fixture
def workspace(azure: LocalAzure) -> Workspace:
    return an_entra_workspace()


@pytest.fixture
def identity(azure: LocalAzure) -> EntraPrincipal:
    return an_identity(azure.azure.entra)


@pytest.fixture
def database(azure: LocalAzure, workspace: Workspace, identity: EntraPrincipal) -> Database:
    request_service(workspace, ServiceWish("claims", "fhir", 100 * GIB, identity), actor="tests")
    run_until_settled(azure, seconds=60)
    return Database.objects.select_related("pool", "server", "service__workspace").get()


def after(azure: LocalAzure, begin: Callable[[], Operation | None], *, seconds: float = 30) -> Operation:
    """The operation, run to its end."""
    operation = begin()
    assert operation is not None
    run_until_settled(azure, seconds=seconds)
    operation.refresh_from_db()
    assert (operation.state, operation.step, operation.error_message) == ("succeeded", operation.step, "")
    return operation


def proved(azure: LocalAzure, identity: EntraPrincipal) -> Database:
    """The service's database, ready, with its identity's user and no secret."""
    database = Database.objects.select_related("pool", "server", "service__workspace").get(stands_in_for=None)
    assert database.status == "ready"
    sign_in_as(azure, identity, database).execute("SELECT 1")
    with pytest.raises(SqlFailure):
        sign_in_as(azure, an_identity(azure.azure.entra, "stranger"), database)
    row = Credential.objects.get(database=database)
    assert (row.user_name, row.status, row.stable_secret) == (identity.name, "active", "")
    assert azure.secrets() == {}
    assert not Operation.objects.filter(state__in=("failed", "needs_attention")).exists()
    return database


def an_hour_later(azure: LocalAzure) -> datetime:
    """A moment half an hour ago, of which there is a backup."""
    azure.pass_time(3600)
    clock.advance(timedelta(hours=1), business=True)
    return clock.now() - timedelta(minutes=30)


def convert(database: Database) -> Operation:
    assert database.service is not None
    return request_conversion(database.service, ConversionWish(Cutover.AUTOMATIC), actor="tests")


def test_it_moves_to_another_pool(azure: LocalAzure, database: Database, identity: EntraPrincipal):
    after(azure, lambda: request_move(database, actor="tests", reason="tests", consent=ACCEPTED))
    assert proved(azure, identity).pool != database.pool


def test_its_pool_is_drained(azure: LocalAzure, database: Database, identity: EntraPrincipal):
    after(azure, lambda: request_drain(database.pool, actor="tests", reason="tests", consent=ACCEPTED))
    assert proved(azure, identity).pool != database.pool


def test_it_grows_and_moves_for_it(azure: LocalAzure, workspace, database: Database, identity: EntraPrincipal):
    wish = ServiceWish("claims", "fhir", 3 * TIB, identity)
    after(azure, lambda: request_service(workspace, wish, actor="tests", consent=ACCEPTED).operation)
    assert proved(azure, identity).size_bytes == 3 * TIB


def test_it_moves_to_another_server_of_its_kind(azure: LocalAzure, database: Database, identity: EntraPrincipal):
    after(azure, lambda: a_server_in_the_making(**NO_PASSWORD))
    operation = after(azure, lambda: rehome(database))
    moved = proved(azure, identity)
    assert (moved.server, SqlServer.objects.count()) == (other_server(), 2)
    assert operation.choices.get("readdressed") is None
    assert [resource.name for resource in azure.resources("databases")] == [database.azure_name]


def test_its_old_place_is_readable_until_the_time_is_over(azure: LocalAzure, database, identity, settings):
    settings.CREDENTIAL_OVERLAP_SECONDS = 3600
    after(azure, lambda: a_server_in_the_making(**NO_PASSWORD))
    operation = rehome(database)
    until_step(azure, operation, "await_followers")
    reader = sign_in_as(azure, identity, database)
    reader.execute("SELECT 1")
    with pytest.raises(SqlFailure):
        reader.execute("CREATE TABLE dbo.claims (id INT)")
    moved = Database.objects.select_related("server").get(pk=database.pk)
    sign_in_as(azure, identity, moved).execute("CREATE TABLE dbo.claims (id INT)")
    azure.pass_business_time(hours=2)
    after(azure, lambda: operation)
    with pytest.raises(SqlFailure):
        sign_in_as(azure, identity, database)


def test_it_goes_to_no_server_with_passwords(azure: LocalAzure, database: Database):
    passwords = {"administrator_login": "sppadmin", "admin_secret_name": "s-other-admin", "auth_mode": "sql"}
    after(azure, lambda: a_server_in_the_making(**passwords))
    plan = plan_rehoming(database, Destination(other_server()), actor="tests", reason="tests")
    assert [reason.code for reason in plan.refusals] == ["MoveNotPossible"]


def test_it_is_converted_and_taken_back(azure: LocalAzure, database: Database, identity: EntraPrincipal):
    after(azure, lambda: convert(database))
    assert proved(azure, identity).service_tier == "Hyperscale"
    after(azure, lambda: request_return(database.service, actor="tests"))
    assert proved(azure, identity).service_tier == "GeneralPurpose"


def test_it_is_changed_in_hops(azure: LocalAzure, database: Database, identity: EntraPrincipal):
    wish = Wish(zone_redundant=True, backup=Backup.ZONE)
    after(azure, lambda: request_way(database.service, wish, actor="tests", consent=ACCEPTED))
    assert proved(azure, identity).pool.is_zone_redundant


def test_it_is_restored_to_a_moment(azure: LocalAzure, workspace: Workspace, database: Database, identity):
    moment = an_hour_later(azure)
    wish = RestoreWish("claims", moment)
    after(azure, lambda: request_restore(workspace, wish, actor="tests"), seconds=60)
    assert proved(azure, identity).azure_name != database.azure_name


def test_it_is_restored_after_a_move_to_another_server(azure: LocalAzure, workspace, database: Database, identity):
    moment = an_hour_later(azure)
    after(azure, lambda: a_server_in_the_making(**NO_PASSWORD))
    after(azure, lambda: rehome(database))
    after(azure, lambda: request_restore(workspace, RestoreWish("claims", moment), actor="tests"), seconds=60)
    assert proved(azure, identity).server == database.server

"""From wish to ready: placed, created, secured, given a login that works."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from cloud import factory
from cloud.protocols import LoginSpec
from cloud.secrets import Secret
from inventory.models import Database, ElasticPool, SqlServer, Workspace
from inventory.states import Status
from operations.models import Operation
from operations.services import cancel
from provisioning.services import ServiceWish, request_deletion, request_service
from rotation.models import Credential
from simulator.faults import FaultKind, FaultRule
from tests.builders import GIB, TIB
from tests.local_azure import LocalAzure, run_until_settled, straight, work


def a_database_for(workspace: Workspace, name: str = "claims", size: int = 500 * GIB, kind: str = "fhir") -> Database:
    granted = request_service(workspace, ServiceWish(name, kind, size), actor="tests")
    return Database.objects.get(service=granted.service)


def published(database: Database) -> dict[str, str]:
    """What a consumer reads."""
    found = factory.secret_store().get(database.azure_name)
    assert found is not None
    document: dict[str, str] = json.loads(found[0].reveal())
    return document


def test_a_small_database_ends_in_a_pool_with_a_login_that_works(azure: LocalAzure, workspace: Workspace):
    database = a_database_for(workspace)
    run_until_settled(azure)
    database.refresh_from_db()
    assert database.status == Status.READY, Operation.objects.values(
        "kind", "state", "step", "error_code", "error_message"
    )
    assert [r.name for r in azure.resources("databases")] == [database.azure_name]
    assert [r.name for r in azure.resources("elasticPools")] == [ElasticPool.objects.get().azure_name]
    assert [r.name for r in azure.resources("servers")] == [SqlServer.objects.get().azure_name]
    secret = published(database)
    factory.sql_logins().verify(
        LoginSpec(secret["endpoint"], secret["database"], secret["user"], Secret(secret["password"]))
    )
    assert Credential.objects.get(database=database).status == "active"


def test_a_large_database_is_a_hyperscale_one_without_a_pool(azure: LocalAzure, workspace: Workspace):
    database = a_database_for(workspace, size=50 * TIB)
    run_until_settled(azure)
    database.refresh_from_db()
    assert (database.status, database.pool) == (Status.READY, None)
    assert database.observed_sku_name == "HS_Gen5"


def test_a_deleted_database_is_gone_and_its_secrets_are_disabled(azure: LocalAzure, workspace: Workspace):
    database = a_database_for(workspace)
    run_until_settled(azure)
    assert database.service is not None
    request_deletion(database.service, actor="tests")
    run_until_settled(azure)
    database.refresh_from_db()
    assert database.status == Status.DELETED
    assert database.restorable_until is not None
    assert azure.resources("databases") == []
    assert ElasticPool.objects.get().databases_committed == 0
    versions = [v for name, vs in azure.secrets().items() if name.startswith(database.azure_name) for v in vs]
    assert versions
    assert not any(v["attributes"]["enabled"] for v in versions)


def test_a_deletion_that_waited_for_the_creation_removes_what_it_made(azure: LocalAzure, workspace: Workspace):
    database = a_database_for(workspace)
    until_step(azure, "create_database", "await_create")
    assert database.service is not None
    request_deletion(database.service, actor="tests")
    run_until_settled(azure)
    database.refresh_from_db()
    assert (database.status, database.holds_room) == (Status.DELETED, False)
    assert azure.resources("databases") == []


def test_a_deletion_behind_a_cancelled_creation_has_nothing_to_do(azure: LocalAzure, workspace: Workspace):
    database = a_database_for(workspace)
    until_step(azure, "create_server", "await_create")
    assert database.service is not None
    deletion = request_deletion(database.service, actor="tests")
    run_until_settled(azure)
    deletion.refresh_from_db()
    database.refresh_from_db()
    assert deletion.state == Operation.State.SUCCEEDED
    assert (database.status, database.holds_room) == (Status.DELETED, False)


def test_a_cancelled_second_attempt_keeps_what_the_first_one_left(azure: LocalAzure, workspace: Workspace):
    database = a_database_for(workspace)
    azure.azure.faults.add(FaultRule(FaultKind.STATUS, path=re.compile("backupShortTerm"), status=400, code="Refused"))
    run_until_settled(azure)
    database.refresh_from_db()
    assert (database.status, database.error_code) == (Status.FAILED, "Refused")
    again = request_service(workspace, ServiceWish("claims", "fhir", 500 * GIB), actor="tests").operation
    assert again is not None
    cancel(again, actor="tests")
    run_until_settled(azure)
    database.refresh_from_db()
    assert (database.status, database.error_code, database.holds_room) == (Status.FAILED, "Cancelled", True)
    assert database.service is not None
    request_deletion(database.service, actor="tests")
    run_until_settled(azure)
    assert azure.resources("databases") == []


def test_a_late_second_password_of_the_administrator_hurts_nobody(azure: LocalAzure, workspace: Workspace):
    a_database_for(workspace)
    run_until_settled(azure)
    factory.secret_store().set(
        SqlServer.objects.get().admin_secret_name, Secret("Made-by-a-worker-thought-dead-1"), tags={}
    )
    second = a_database_for(workspace, name="imaging")
    run_until_settled(azure)
    second.refresh_from_db()
    assert second.status == Status.READY


def test_two_regions_may_begin_their_first_servers_at_once(azure: LocalAzure, workspace: Workspace):
    """Both saw no resource group; the one that is slower finds it in the other's region."""
    database = a_database_for(workspace)

    def quicker(name: str, call: Callable[[], Any]) -> Any:
        if name.startswith("PUT") and name.endswith("/resourceGroups/sql-persistence"):
            azure.around = straight
            factory.sql_management().ensure_resource_group(azure.subscription_id, "sql-persistence", "westeurope", {})
        return call()

    azure.around = quicker
    run_until_settled(azure)
    database.refresh_from_db()
    assert (database.status, azure.around) == (Status.READY, straight)


def until_step(azure: LocalAzure, kind: str, step: str) -> None:
    """Work until an operation of this kind stands at this step."""
    for _ in range(100):
        work()
        if Operation.objects.filter(kind=kind, step=step).exists():
            return
        azure.pass_time(10)
    raise AssertionError(f"{kind} never came to {step}")


def test_what_azure_sets_by_itself_is_asked_for_and_not_read(azure: LocalAzure, workspace: Workspace):
    assert settings_read(azure, workspace) == []


def test_what_azure_takes_a_while_to_set_is_seen_before_the_database_is_ready(azure: LocalAzure, workspace: Workspace):
    Workspace.objects.update(retention_days=14)
    workspace.refresh_from_db()
    assert set(settings_read(azure, workspace)) == {"backupShortTermRetentionPolicies"}
    (made,) = azure.resources("databases")
    assert made.inner["retention_days"] == 14


def settings_read(azure: LocalAzure, workspace: Workspace) -> list[str]:
    """Which settings of the database were read until it was ready."""
    read = []

    def noting(name: str, call: Callable[[], Any]) -> Any:
        found = re.match(r"GET .*/(backupShortTermRetentionPolicies|transparentDataEncryption)/", name)
        read.extend(found.groups() if found else ())
        return call()

    azure.around = noting
    database = a_database_for(workspace)
    run_until_settled(azure)
    database.refresh_from_db()
    assert database.status == Status.READY
    return read

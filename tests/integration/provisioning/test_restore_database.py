"""A deleted service comes back, and a standing one goes back to a moment: under a new Azure name and the old secret name."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from inventory.identifiers import azure_name
from inventory.models import Database, ElasticPool, Workspace
from inventory.states import Status
from operations import clock
from operations.errors import OperationInProgress
from operations.models import Operation
from operations.services import cancel
from provisioning.errors import PointInTimeOutOfRange, RestoreWindowPassed, ServiceNotDeleted
from provisioning.restores import RestoreWish, request_restore
from provisioning.services import request_deletion
from rotation.models import Credential
from rotation.names import stable_secret_of
from rotation.services import request_emergency_rotation
from simulator.faults import FaultKind, FaultRule
from tests.integration.provisioning.test_create_database import until_step
from tests.local_azure import LocalAzure, run_until_settled, straight
from tests.rotating import a_ready_database, can_sign_in, enabled_versions, published, versions_in_use

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def let_time_pass(azure: LocalAzure, amount: timedelta) -> None:
    """For Azure, for leases and for what people call now."""
    azure.pass_time(amount.total_seconds())
    clock.advance(amount, business=True)


def a_database_with_backups(azure: LocalAzure, workspace: Workspace) -> Database:
    database = a_ready_database(azure, workspace=workspace)
    let_time_pass(azure, HOUR)
    return database


def removed(azure: LocalAzure, database: Database) -> Database:
    assert database.service is not None
    request_deletion(database.service, actor="tests")
    run_until_settled(azure, seconds=60)
    found = Database.objects.get(pk=database.pk)
    assert found.status == Status.DELETED
    return found


def a_deleted_database(azure: LocalAzure, workspace: Workspace) -> Database:
    return removed(azure, a_database_with_backups(azure, workspace))


def restored(azure: LocalAzure, workspace: Workspace, moment: datetime | None = None) -> Operation:
    operation = request_restore(workspace, RestoreWish("claims", moment), actor="tests")
    run_until_settled(azure, seconds=60)
    operation.refresh_from_db()
    return operation


def succeeded(operation: Operation) -> bool:
    assert operation.state == Operation.State.SUCCEEDED, (operation.step, operation.error_code, operation.error_message)
    return True


def names_in_azure(azure: LocalAzure) -> list[str]:
    return [r.name for r in azure.resources("databases")]


def test_a_deleted_service_comes_back_with_its_secret_s_name_and_its_place(azure: LocalAzure, workspace: Workspace):
    before = a_deleted_database(azure, workspace)
    assert succeeded(restored(azure, workspace))
    database = Database.objects.get(pk=before.pk)
    assert (database.status, database.service.deleted_at, database.deleted_at) == (Status.READY, None, None)
    assert database.azure_name != before.azure_name
    assert names_in_azure(azure) == [database.azure_name]
    assert (database.server_id, database.pool_id, database.holds_room) == (before.server_id, before.pool_id, True)
    assert ElasticPool.objects.get().databases_committed == 1
    assert stable_secret_of(database) == before.azure_name
    document = published(azure, database)
    assert document["database"] == database.azure_name
    assert can_sign_in(document)
    assert enabled_versions(azure, database) == versions_in_use(database)


def test_what_was_deleted_stays_known_until_its_grace_ends(azure: LocalAzure, workspace: Workspace):
    before = a_deleted_database(azure, workspace)
    restored(azure, workspace)
    gone = Database.objects.get(stands_in_for=before)
    kept = (gone.status, gone.azure_name, gone.deleted_at, gone.restorable_until, gone.holds_room)
    assert kept == (Status.DELETED, before.azure_name, before.deleted_at, before.restorable_until, False)


def test_settings_come_back(azure: LocalAzure, workspace: Workspace):
    Workspace.objects.filter(pk=workspace.pk).update(retention_days=21)
    workspace.refresh_from_db()
    before = a_deleted_database(azure, workspace)
    assert succeeded(restored(azure, workspace))
    resource = azure.resources("databases")[0]
    assert resource.inner["retention_days"] == before.retention_days == 21
    assert resource.body["tags"]["database"] == str(before.pk)
    assert resource.body["tags"]["service"] == str(before.service_id)
    assert resource.properties["currentBackupStorageRedundancy"] == before.backup_redundancy
    assert resource.properties["maxSizeBytes"] == before.size_bytes


def test_a_standing_service_goes_back_to_a_moment_and_what_it_was_is_removed(azure: LocalAzure, workspace: Workspace):
    before = a_database_with_backups(azure, workspace)
    assert succeeded(restored(azure, workspace, clock.now() - HOUR / 2))
    database = Database.objects.get(pk=before.pk)
    assert database.status == Status.READY
    assert names_in_azure(azure) == [database.azure_name] != [before.azure_name]
    assert can_sign_in(published(azure, database))
    assert ElasticPool.objects.get().databases_committed == 1
    old = Database.objects.get(stands_in_for=before)
    assert (old.status, old.azure_name) == (Status.DELETED, before.azure_name)
    assert old.restorable_until is not None
    assert enabled_versions(azure, database) == versions_in_use(database)


def test_a_restore_can_be_taken_back_as_long_as_azure_keeps_what_it_replaced(azure: LocalAzure, workspace: Workspace):
    before = a_database_with_backups(azure, workspace)
    regretted = clock.now()
    assert succeeded(restored(azure, workspace, regretted - HOUR / 2))
    again = restored(azure, workspace, regretted)
    assert succeeded(again)
    assert again.input["origin"] == "Restore"
    database = Database.objects.get(pk=before.pk)
    assert names_in_azure(azure) == [database.azure_name]
    assert can_sign_in(published(azure, database))


def test_after_the_grace_the_refusal_says_when_it_was(azure: LocalAzure, workspace: Workspace):
    gone = a_deleted_database(azure, workspace)
    let_time_pass(azure, gone.retention_days * DAY)
    assert gone.restorable_until is not None
    with pytest.raises(RestoreWindowPassed, match=f"{gone.restorable_until:%Y-%m-%dT%H:%M:%SZ}"):
        request_restore(workspace, RestoreWish("claims"), actor="tests")
    assert not Operation.objects.filter(kind="restore_database").exists()


def test_where_azure_has_lost_it_the_restore_fails_before_it_begins(azure: LocalAzure, workspace: Workspace):
    before = a_deleted_database(azure, workspace)
    let_time_pass(azure, HOUR)
    azure.pass_time(8 * DAY.total_seconds())  # for Azure, not for what we call now
    operation = restored(azure, workspace)
    assert (operation.state, operation.step, operation.error_code) == (
        "failed",
        "look_up_source",
        "RestoreWindowPassed",
    )
    database = Database.objects.get(pk=before.pk)
    assert (database.status, database.azure_name) == (Status.DELETED, before.azure_name)
    assert database.service.deleted_at == database.deleted_at == before.deleted_at


@pytest.mark.parametrize("moment", [-400 * DAY, HOUR])
def test_a_moment_without_a_backup_is_refused(azure: LocalAzure, workspace: Workspace, moment: timedelta):
    a_database_with_backups(azure, workspace)
    with pytest.raises(PointInTimeOutOfRange, match=r"from \d{4}"):
        request_restore(workspace, RestoreWish("claims", clock.now() + moment), actor="tests")


def test_a_standing_service_is_not_undeleted(azure: LocalAzure, workspace: Workspace):
    a_database_with_backups(azure, workspace)
    with pytest.raises(ServiceNotDeleted):
        request_restore(workspace, RestoreWish("claims"), actor="tests")


def cancelled_after(azure: LocalAzure, call_that_begins: str, **wish: Any) -> Operation:
    """A restore that its owner cancels while this call is on its way."""
    operation = request_restore(Workspace.objects.get(), RestoreWish("claims", **wish), actor="tests")

    def hook(name: str, call: Callable[[], Any]) -> Any:
        if re.match(call_that_begins, name):
            cancel(operation, actor="tests")
        return call()

    azure.around = hook
    run_until_settled(azure, seconds=60)
    azure.around = straight
    operation.refresh_from_db()
    return operation


@pytest.mark.parametrize(
    "call", ["GET .*restorableDropped", "PUT .*/databases/d-[^/]*$", "PUT .*/secrets/", "SQL ALTER"]
)
def test_a_cancelled_undelete_leaves_it_deleted_and_restorable(azure: LocalAzure, workspace: Workspace, call: str):
    before = a_deleted_database(azure, workspace)
    operation = cancelled_after(azure, call)
    assert operation.state == "cancelled"
    database = Database.objects.get(pk=before.pk)
    assert (database.status, database.restorable_until) == (Status.DELETED, before.restorable_until)
    assert database.service.deleted_at == before.deleted_at
    assert names_in_azure(azure) == []
    assert enabled_versions(azure, database) == set()
    assert succeeded(restored(azure, workspace))


def test_a_cancelled_restore_to_a_moment_leaves_the_service_as_it_is(azure: LocalAzure, workspace: Workspace):
    before = a_database_with_backups(azure, workspace)
    operation = cancelled_after(azure, "SQL ALTER", moment=clock.now() - HOUR / 2)
    assert operation.state == "cancelled"
    database = Database.objects.get(pk=before.pk)
    assert (database.status, database.azure_name) == (Status.READY, before.azure_name)
    assert names_in_azure(azure) == [before.azure_name]
    assert can_sign_in(published(azure, database))
    assert enabled_versions(azure, database) == versions_in_use(database)


def test_a_service_deleted_while_it_comes_back_is_gone_again(azure: LocalAzure, workspace: Workspace):
    before = a_deleted_database(azure, workspace)
    operation = request_restore(workspace, RestoreWish("claims"), actor="tests")
    until_step(azure, operation.kind, "await_restore")
    database = Database.objects.get(pk=before.pk)
    request_deletion(database.service, actor="tests")
    run_until_settled(azure, seconds=60)
    database.refresh_from_db()
    assert (database.status, database.service.deleted_at) == (Status.DELETED, before.deleted_at)
    assert names_in_azure(azure) == []


def test_a_second_restore_waits_until_the_remains_of_the_first_are_removed(azure: LocalAzure, workspace: Workspace):
    a_deleted_database(azure, workspace)
    operation = request_restore(workspace, RestoreWish("claims"), actor="tests")
    until_step(azure, operation.kind, "await_restore")
    assert request_restore(workspace, RestoreWish("claims"), actor="tests").pk == operation.pk
    cancel(operation, actor="tests")
    until_step(azure, "delete_database", "await_delete")
    with pytest.raises(OperationInProgress):
        request_restore(workspace, RestoreWish("claims"), actor="tests")


def test_both_users_lose_the_passwords_that_came_with_the_backup(azure: LocalAzure, workspace: Workspace):
    before = a_database_with_backups(azure, workspace)
    known = published(azure, before)
    removed(azure, before)
    assert succeeded(restored(azure, workspace))
    database = Database.objects.get(pk=before.pk)
    for user in ("svc_a", "svc_b"):
        assert not can_sign_in({**known, "database": database.azure_name, "user": user})
    assert Credential.objects.get(database=database, status="active").user_name == published(azure, database)["user"]


def test_a_restored_database_knows_the_password_of_then_until_it_gets_a_fresh_one(
    azure: LocalAzure, workspace: Workspace
):
    database = a_database_with_backups(azure, workspace)
    known, then = published(azure, database), clock.now()
    let_time_pass(azure, HOUR)
    request_emergency_rotation(database, actor="tests", reason="leaked")
    run_until_settled(azure, seconds=60)
    operation = request_restore(workspace, RestoreWish("claims", then), actor="tests")
    known["database"] = azure_name("d", operation.pk)
    knew = []

    def hook(name: str, call: Callable[[], Any]) -> Any:
        if name.startswith("SQL ALTER USER") and not knew:
            knew.append(can_sign_in(known))
        return call()

    azure.around = hook
    run_until_settled(azure, seconds=60)
    assert succeeded(Operation.objects.get(pk=operation.pk))
    assert (knew, can_sign_in(known)) == ([True], False)
    assert can_sign_in(published(azure, Database.objects.get(pk=database.pk)))


def test_a_secret_that_somebody_deleted_is_recovered_and_promoted(azure: LocalAzure, workspace: Workspace):
    before = a_deleted_database(azure, workspace)
    azure.delete_secret(stable_secret_of(before))
    assert succeeded(restored(azure, workspace))
    assert can_sign_in(published(azure, Database.objects.get(pk=before.pk)))


def test_a_pool_that_azure_calls_full_is_left_for_another_on_the_same_server(azure: LocalAzure, workspace: Workspace):
    before = a_deleted_database(azure, workspace)
    full: dict[str, Any] = {"status": 400, "code": "ElasticPoolOverStorage"}
    azure.azure.faults.add(
        FaultRule(FaultKind.STATUS, method="PUT", path=re.compile(r"/databases/d-[a-z2-7]+$"), **full)
    )
    assert succeeded(restored(azure, workspace))
    database = Database.objects.get(pk=before.pk)
    assert database.server_id == before.server_id
    assert database.pool_id != before.pool_id
    assert ElasticPool.objects.get(pk=before.pool_id).databases_committed == 0

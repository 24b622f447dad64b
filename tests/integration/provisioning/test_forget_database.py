"""At the end of a deleted service's grace time its secrets are forgotten, and never while it can still come back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from cloud import factory
from inventory.models import Database, ServiceInstance, Workspace
from inventory.states import Status
from operations import clock
from operations.models import AuditEvent, Operation
from provisioning import forgetting
from provisioning.certificate import certificate_of
from provisioning.errors import RestoreWindowPassed
from provisioning.restores import RestoreWish, request_restore
from rotation.names import secrets_of, stable_secret_of
from simulator.vaults import Vault
from tests.integration.provisioning.test_create_database import until_step
from tests.integration.provisioning.test_restore_database import (
    DAY,
    HOUR,
    a_database_with_backups,
    a_deleted_database,
    let_time_pass,
    removed,
    restored,
    succeeded,
)
from tests.local_azure import LocalAzure, run_until_settled
from tests.rotating import can_sign_in, published

VAULT = "vault"
KEPT_DAYS = 30


def grace_passes(azure: LocalAzure, gone: Database) -> None:
    let_time_pass(azure, gone.retention_days * DAY)


def forgotten(azure: LocalAzure, gone: Database) -> Database:
    """After the grace, and the sweep that follows it."""
    grace_passes(azure, gone)
    assert forgetting.request_due() == 1
    run_until_settled(azure, seconds=60)
    return Database.objects.get(pk=gone.pk)


def left_in_vault(azure: LocalAzure, database: Database) -> set[str]:
    """Its names, deleted ones among them."""
    return set(secrets_of(database)) & set(azure.secrets())


def audited(action: str) -> list[str]:
    return sorted(AuditEvent.objects.filter(action=action).values_list("target", flat=True))


def test_after_the_grace_no_secret_is_left(azure: LocalAzure, workspace: Workspace):
    gone = a_deleted_database(azure, workspace)
    names = left_in_vault(azure, gone)
    assert len(names) >= 2
    database = forgotten(azure, gone)
    assert left_in_vault(azure, database) == set()
    assert (database.status, database.forgotten_at == database.secrets_gone_at) == (Status.DELETED, True)
    for action in ("secret.deleted", "secret.purged"):
        assert audited(action) == sorted(f"secret:{name}" for name in names)
    assert audited("database.forgotten") == [database.key]


def test_before_the_grace_ends_nothing_is_forgotten(azure: LocalAzure, workspace: Workspace):
    gone = a_deleted_database(azure, workspace)
    let_time_pass(azure, gone.retention_days * DAY - HOUR)
    assert forgetting.request_due() == 0
    assert forgetting.request_forgetting(gone.pk) is None
    assert len(left_in_vault(azure, gone)) >= 2


def test_a_protected_vault_keeps_them_recoverable_and_we_say_until_when(azure: LocalAzure, workspace: Workspace):
    azure.azure.vaults.vaults.put(Vault(VAULT, purge_protection=True, soft_delete_days=KEPT_DAYS))
    database = forgotten(azure, a_deleted_database(azure, workspace))
    assert factory.secret_store().versions(stable_secret_of(database)) == []
    assert database.forgotten_at is not None
    assert database.secrets_gone_at is not None
    kept = database.secrets_gone_at - database.forgotten_at
    assert abs(kept - timedelta(days=KEPT_DAYS)) < HOUR  # Azure's clock stands minutes before ours here
    assert audited("secret.purged") == []


def test_it_is_forgotten_once(azure: LocalAzure, workspace: Workspace):
    forgotten(azure, a_deleted_database(azure, workspace))
    assert forgetting.request_due() == 0


def test_afterwards_an_undelete_is_refused_with_both_dates(azure: LocalAzure, workspace: Workspace):
    database = forgotten(azure, a_deleted_database(azure, workspace))
    with pytest.raises(RestoreWindowPassed, match=f"secrets were deleted at {database.forgotten_at:%Y-%m-%d}"):
        request_restore(workspace, RestoreWish("claims"), actor="tests")


def test_an_undelete_that_meets_the_forgetting_is_refused_and_nothing_is_half_done(
    azure: LocalAzure, workspace: Workspace
):
    gone = a_deleted_database(azure, workspace)
    grace_passes(azure, gone)
    forgetting.request_due()
    with pytest.raises(RestoreWindowPassed, match="could be restored until"):
        request_restore(workspace, RestoreWish("claims"), actor="tests")
    until_step(azure, "forget_database", "purge_secrets")
    with pytest.raises(RestoreWindowPassed):
        request_restore(workspace, RestoreWish("claims"), actor="tests")
    run_until_settled(azure, seconds=60)
    assert ServiceInstance.objects.get(name="claims").deleted_at is not None
    assert left_in_vault(azure, gone) == set()


def test_an_undelete_asked_for_in_time_wins_though_the_grace_ends_meanwhile(azure: LocalAzure, workspace: Workspace):
    gone = a_deleted_database(azure, workspace)
    let_time_pass(azure, gone.retention_days * DAY - HOUR)
    operation = request_restore(workspace, RestoreWish("claims"), actor="tests")
    until_step(azure, operation.kind, "await_restore")
    clock.advance(2 * HOUR, business=True)
    assert forgetting.request_due() == 0
    assert forgetting.request_forgetting(gone.pk) is None
    run_until_settled(azure, seconds=60)
    assert succeeded(Operation.objects.get(pk=operation.pk))
    database = Database.objects.get(pk=gone.pk)
    assert can_sign_in(published(azure, database))
    assert forgetting.request_due() == 0


def test_an_undelete_that_azure_can_no_longer_serve_is_forgotten_after_it_has_failed(
    azure: LocalAzure, workspace: Workspace
):
    gone = a_deleted_database(azure, workspace)
    let_time_pass(azure, gone.retention_days * DAY - HOUR)
    request_restore(workspace, RestoreWish("claims"), actor="tests")
    azure.azure.clock.advance(2 * HOUR)
    run_until_settled(azure, seconds=60)
    assert Operation.objects.get(kind="restore_database").error_code == "RestoreWindowPassed"
    clock.advance(2 * HOUR, business=True)
    assert forgetting.request_due() == 1
    run_until_settled(azure, seconds=60)
    assert left_in_vault(azure, gone) == set()


def test_backups_of_what_a_restore_replaced_keep_the_secrets(azure: LocalAzure, workspace: Workspace):
    first = a_database_with_backups(azure, workspace)
    assert succeeded(restored(azure, workspace, clock.now() - HOUR / 2))
    Database.objects.filter(stands_in_for=first).update(restorable_until=clock.now() + 30 * DAY)
    gone = removed(azure, Database.objects.get(pk=first.pk))
    grace_passes(azure, gone)
    assert forgetting.request_due() == 0
    let_time_pass(azure, 30 * DAY)
    assert forgetting.request_due() == 1


def test_a_vault_that_refuses_is_asked_again_a_day_later(azure: LocalAzure, workspace: Workspace):
    gone = a_deleted_database(azure, workspace)
    grace_passes(azure, gone)
    store = azure.azure.vaults.vaults
    allowed = store.get(VAULT)
    store.put(Vault(VAULT, is_open=False))
    assert forgetting.request_due() == 1
    run_until_settled(azure, seconds=60)
    assert Operation.objects.get(kind="forget_database").state == Operation.State.FAILED
    store.put(allowed)
    assert forgetting.request_due() == 0
    azure.pass_time(DAY.total_seconds())
    assert forgetting.request_due() == 1
    run_until_settled(azure, seconds=60)
    assert left_in_vault(azure, gone) == set()


def test_the_certificate_and_the_forgetting_agree(azure: LocalAzure, workspace: Workspace, settings: Any):
    settings.VAULT_SOFT_DELETE_DAYS = 90
    gone = a_deleted_database(azure, workspace)
    before = secret_ends(workspace)
    assert gone.restorable_until is not None
    assert before == {("disabled", gone.restorable_until, gone.restorable_until + 90 * DAY)}
    database = forgotten(azure, gone)
    assert database.forgotten_at is not None
    assert secret_ends(workspace) == {("deleted", database.forgotten_at, database.secrets_gone_at)}
    ((_, promised, latest),) = before
    assert promised <= database.forgotten_at < promised + HOUR
    assert database.secrets_gone_at is not None
    assert database.secrets_gone_at <= latest


def secret_ends(workspace: Workspace) -> set[tuple[str, datetime, datetime]]:
    rows = certificate_of(workspace, Operation.objects.earliest("created_at"))["secrets"]
    assert rows
    moment: Callable[[str], datetime] = datetime.fromisoformat
    return {(row["state"], moment(row["deletedAt"]), moment(row["endsAt"])) for row in rows}

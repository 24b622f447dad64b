"""A rotation renews a credential without a moment in which consumers have none, and leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest

from cloud.sql_failures import SqlFailure
from inventory.models import Database
from operations.errors import OperationInProgress
from operations.models import AuditEvent, Operation, OutboxEvent
from provisioning.services import request_deletion
from rotation.models import Credential
from rotation.services import request_rotation
from tests.local_azure import LocalAzure, run_until_settled, unsettled, work
from tests.rotating import (
    a_ready_database,
    can_sign_in,
    enabled_versions,
    let_overlap_pass,
    published,
    versions_in_use,
)


def rotated(azure: LocalAzure, database: Database) -> None:
    request_rotation(database, actor="tests")
    for _ in range(60):
        work()
        if not Operation.objects.filter(kind="rotate_credential", state__in=["queued", "running"]).exists():
            return
        azure.pass_time(10)
    raise AssertionError([(o.kind, o.state, o.step, o.error_message) for o in unsettled()])


def statuses(database: Database) -> dict[str, str]:
    return dict(Credential.objects.filter(database=database).values_list("slot", "status"))


def test_both_users_work_during_the_overlap_and_only_the_new_one_after_it(azure: LocalAzure):
    database = a_ready_database(azure)
    old = published(azure, database)
    rotated(azure, database)
    new = published(azure, database)
    assert (old["user"], new["user"]) == ("svc_a", "svc_b")
    assert can_sign_in(old)
    assert can_sign_in(new)
    assert statuses(database) == {"a": "overlapping", "b": "active"}
    let_overlap_pass(azure)
    assert not can_sign_in(old)
    assert can_sign_in(new)
    assert statuses(database) == {"a": "retired", "b": "active"}


def test_every_enabled_version_belongs_to_a_user_that_is_told_to_work(azure: LocalAzure):
    database = a_ready_database(azure)
    for _ in range(3):
        rotated(azure, database)
        assert enabled_versions(azure, database) == versions_in_use(database)
        let_overlap_pass(azure)
        assert enabled_versions(azure, database) == versions_in_use(database)
        assert can_sign_in(published(azure, database))


def test_a_rotation_tells_consumers_by_reference_alone(azure: LocalAzure):
    database = a_ready_database(azure)
    rotated(azure, database)
    event = OutboxEvent.objects.get(kind="credential.promoted")
    active = Credential.objects.get(database=database, status="active")
    assert event.workspace == "cigna"
    assert event.data["version"] == active.stable_version
    assert "password" not in event.data
    assert AuditEvent.objects.filter(action="credential.promoted", target=f"credential:{database.pk}").exists()


def test_two_rotations_of_one_database_never_run_at_once(azure: LocalAzure):
    database = a_ready_database(azure)
    request_rotation(database, actor="tests")
    with pytest.raises(OperationInProgress):
        request_rotation(database, actor="tests")


def test_a_user_with_open_sessions_is_kept_until_its_deadline(azure: LocalAzure):
    database = a_ready_database(azure)
    session = azure.session(published(azure, database))
    rotated(azure, database)
    azure.pass_business_time(hours=13)
    work()
    assert statuses(database)["a"] == "overlapping"
    waits = Operation.objects.get(kind="retire_credential").waits_why
    assert waits == "1 sessions of svc_a are open."
    azure.pass_business_time(hours=24)
    run_until_settled(azure)
    assert statuses(database)["a"] == "retired"
    with pytest.raises(SqlFailure):
        session.execute("SELECT 1")


def test_a_drained_user_is_retired_before_its_deadline(azure: LocalAzure):
    database = a_ready_database(azure)
    session = azure.session(published(azure, database))
    rotated(azure, database)
    azure.pass_business_time(hours=13)
    work()
    session.close()
    azure.pass_time(1000)
    run_until_settled(azure)
    assert statuses(database)["a"] == "retired"


def test_a_password_that_policy_refuses_is_replaced_not_retried(azure: LocalAzure):
    database = a_ready_database(azure)
    refusals = iter([True, True])
    tried: list[str] = []

    def refuse(name: str, call: Any) -> Any:
        if name.startswith("SQL CREATE USER"):
            tried.append(name)
            if next(refusals, False):
                raise SqlFailure("Password validation failed. The password does not meet policy", number=40632)
        return call()

    azure.around = refuse
    rotated(azure, database)
    assert statuses(database)["b"] == "active"
    assert len(tried) == 3
    assert len(azure.secrets()[f"{database.azure_name}-b"]) == 3
    let_overlap_pass(azure)
    assert enabled_versions(azure, database) == versions_in_use(database)


def test_a_policy_that_refuses_everything_asks_for_a_human_and_names_the_database(azure: LocalAzure):
    database = a_ready_database(azure)

    def refuse(name: str, call: Any) -> Any:
        if name.startswith("SQL CREATE USER"):
            raise SqlFailure("Password validation failed.", number=40632)
        return call()

    azure.around = refuse
    rotated(azure, database)
    stuck = Operation.objects.get(kind="rotate_credential")
    assert (stuck.state, stuck.step, stuck.error_code) == ("needs_attention", "set_password", "SqlPasswordPolicy")
    assert database.azure_name in stuck.error_message
    assert can_sign_in(published(azure, database))


def test_a_removal_does_not_wait_for_a_rotation_that_is_stuck(azure: LocalAzure):
    database = a_ready_database(azure)
    azure.around = _refusing_passwords
    rotated(azure, database)
    assert database.service is not None
    request_deletion(database.service, actor="tests")
    run_until_settled(azure)
    database.refresh_from_db()
    assert database.status == "deleted"
    assert enabled_versions(azure, database) == set()


def test_a_removal_during_the_overlap_leaves_no_version_enabled(azure: LocalAzure):
    database = a_ready_database(azure)
    rotated(azure, database)
    assert database.service is not None
    request_deletion(database.service, actor="tests")
    let_overlap_pass(azure)
    database.refresh_from_db()
    assert database.status == "deleted"
    assert enabled_versions(azure, database) == set()
    assert unsettled() == []


def test_a_stable_secret_that_somebody_changed_is_put_right_before_the_old_user_goes(azure: LocalAzure):
    database = a_ready_database(azure)
    old = published(azure, database)
    rotated(azure, database)
    azure.set_secret(database.azure_name, old)
    let_overlap_pass(azure)
    assert can_sign_in(published(azure, database))
    assert enabled_versions(azure, database) == versions_in_use(database)


def test_a_deleted_secret_is_recovered_and_set(azure: LocalAzure):
    database = a_ready_database(azure)
    azure.delete_secret(database.azure_name)
    rotated(azure, database)
    assert can_sign_in(published(azure, database))


def _refusing_passwords(name: str, call: Any) -> Any:
    if name.startswith("SQL CREATE USER"):
        raise SqlFailure("Password validation failed.", number=40632)
    return call()

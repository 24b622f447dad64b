"""DICOM Cast after a restore: what the backup knows of it works nowhere, and it is issued anew where it is wished for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from inventory.identifiers import azure_name
from inventory.models import Database
from operations import clock
from operations.models import Operation
from provisioning.restores import RestoreWish, request_restore
from provisioning.services import request_deletion
from provisioning.workflows import restore_database
from rotation.models import Credential
from rotation.names import Purpose
from rotation.services import request_emergency_rotation, request_rotation
from tests.integration.provisioning.test_restore_database import HOUR, let_time_pass, names_in_azure, succeeded
from tests.integration.rotation.test_cast import a_dicom_database, published_for_cast, statuses, wish
from tests.local_azure import LocalAzure, run_until_settled
from tests.rotating import can_sign_in, enabled_versions, published, versions_in_use


def with_backups(azure: LocalAzure, *, cast: bool = True) -> Database:
    database = a_dicom_database(azure, cast=cast)
    let_time_pass(azure, HOUR)
    return database


def asked_back(database: Database, *, deleted: bool = False) -> Operation:
    assert database.service is not None
    moment = None if deleted else clock.now() - HOUR / 2
    return request_restore(database.service.workspace, RestoreWish("imaging", moment), actor="tests")


def ended(azure: LocalAzure, operation: Operation) -> Database:
    run_until_settled(azure, seconds=60)
    operation.refresh_from_db()
    assert succeeded(operation)
    return Database.objects.select_related("service").get(pk=operation.target_key.partition(":")[2])


def serves_both(azure: LocalAzure, database: Database) -> None:
    own, cast = published(azure, database), published_for_cast(azure, database)
    assert own["database"] == cast["database"] == database.azure_name
    assert can_sign_in(own)
    assert can_sign_in(cast)
    assert enabled_versions(azure, database) == versions_in_use(database)
    assert [slot[:4] for slot, status in sorted(statuses(database).items()) if status == "active"] in (
        ["a", "cast"],
        ["b", "cast"],
    )


def old_password_works(known: dict[str, str], database: Database) -> bool:
    users = ("svc_cast_a", "svc_cast_b")
    return any(can_sign_in({**known, "database": database.azure_name, "user": user}) for user in users)


@pytest.mark.parametrize("deleted", [False, True])
def test_it_is_issued_anew_and_no_old_password_works(azure: LocalAzure, *, deleted: bool):
    before = with_backups(azure)
    known = published_for_cast(azure, before)
    if deleted:
        request_deletion(before.service, actor="tests")
        run_until_settled(azure, seconds=60)
    database = ended(azure, asked_back(before, deleted=deleted))
    assert database.service.has_cast
    serves_both(azure, database)
    assert not old_password_works(known, database)
    assert names_in_azure(azure) == [database.azure_name]


def at_the_first_drop(azure: LocalAzure, act: Callable[[], object]) -> list[object]:
    """Do this once, right before the restore drops the first user of DICOM Cast; what it gave is in the list then."""
    given: list[object] = []

    def hook(name: str, call: Callable[[], Any]) -> Any:
        if name.startswith("SQL DROP USER") and not given:
            given.append(None)
            given[0] = act()
        return call()

    azure.around = hook
    return given


def test_a_backup_from_before_it_was_switched_off_lets_none_of_it_in(azure: LocalAzure):
    before = with_backups(azure)
    known, then = published_for_cast(azure, before), clock.now()
    let_time_pass(azure, HOUR)
    wish(cast=False)
    run_until_settled(azure, seconds=60)
    operation = request_restore(before.service.workspace, RestoreWish("imaging", then), actor="tests")
    known["database"] = azure_name("d", operation.pk)
    knew = at_the_first_drop(azure, lambda: can_sign_in(known))
    issued = Operation.objects.filter(kind="issue_cast_credential").count()
    database = ended(azure, operation)
    assert (knew, old_password_works(known, database)) == ([True], False)
    assert enabled_versions(azure, database) == versions_in_use(database)
    assert Operation.objects.filter(kind="issue_cast_credential").count() == issued
    assert statuses(database)["cast-a"] == "retired"


@pytest.mark.parametrize("emergency", [False, True])
def test_a_rotation_of_it_that_the_restore_holds_up_gives_way_to_a_new_issue(azure: LocalAzure, *, emergency: bool):
    before = with_backups(azure)
    known = published_for_cast(azure, before)
    operation = asked_back(before)

    def rotate() -> None:
        request_rotation(before, actor="tests", purpose=Purpose.CAST)
        if emergency:
            request_emergency_rotation(before, actor="tests", reason="leaked", purpose=Purpose.CAST)

    assert at_the_first_drop(azure, rotate) == []
    database = ended(azure, operation)
    assert Operation.objects.filter(kind="rotate_credential", state="cancelled").exists()
    serves_both(azure, database)
    assert not old_password_works(known, database)


def test_an_emergency_that_finds_nothing_left_to_replace_has_one_issued(azure: LocalAzure):
    database = a_dicom_database(azure)
    Credential.objects.filter(database=database, slot="cast-a").update(status="retired")  # as a restore does
    request_emergency_rotation(database, actor="tests", reason="leaked", purpose=Purpose.CAST)
    run_until_settled(azure, seconds=60)
    serves_both(azure, database)


def test_who_comes_late_to_the_restore_drops_no_user_that_was_issued_since(azure: LocalAzure):
    operation = asked_back(with_backups(azure))
    late = at_the_first_drop(azure, lambda: Operation.objects.get(pk=operation.pk))
    database = ended(azure, operation)
    assert isinstance(late[0], Operation)
    assert late[0].step == "drop_cast_users"
    restore_database.drop_cast_users(late[0])
    serves_both(azure, database)

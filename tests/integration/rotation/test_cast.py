"""DICOM Cast: a credential of its own, with a life of its own, as long as it is wished for and the database stands."""

from __future__ import annotations

import json

import pytest

from cloud.sql_failures import SqlFailure
from inventory.models import Database
from operations.errors import OperationInProgress
from operations.models import AuditEvent, Operation
from operations.services import cancel
from provisioning.certificate import certificate_of
from provisioning.errors import CastNotSupported, ChangeNotSupported
from provisioning.services import Granted, ServiceWish, request_deletion, request_service
from rotation import due
from rotation.emergency import Reach, Scope, request_emergency
from rotation.models import Credential
from rotation.names import Purpose, stable_secret_of
from rotation.services import request_rotation
from rotation.workflows import revoke_credential
from tests.builders import GIB, a_region, a_workspace
from tests.local_azure import LocalAzure, run_one_step, run_until_settled, work
from tests.rotating import can_sign_in, let_overlap_pass, published


def wish(*, cast: bool, kind: str = "dicom") -> Granted:
    workspace = a_workspace("cigna", a_region("eastus"))
    return request_service(workspace, ServiceWish("imaging", kind, 100 * GIB, cast=cast), actor="tests")


def a_dicom_database(azure: LocalAzure, *, cast: bool = True) -> Database:
    granted = wish(cast=cast)
    run_until_settled(azure, seconds=60)
    database = Database.objects.select_related("server", "service__workspace").get(service=granted.service)
    assert database.status == "ready", database.error_message
    return database


def published_for_cast(azure: LocalAzure, database: Database) -> dict[str, str]:
    newest = azure.secrets()[f"{stable_secret_of(database)}-cast"][-1]
    assert newest["attributes"]["enabled"], "DICOM Cast is refused the newest version"
    return dict(json.loads(newest["value"]))


def enabled(azure: LocalAzure, database: Database) -> set[str]:
    """Names of secrets of DICOM Cast of which somebody could still read a version."""
    return {
        name
        for name, versions in azure.secrets().items()
        if name.startswith(f"{stable_secret_of(database)}-cast") and any(v["attributes"]["enabled"] for v in versions)
    }


def work_on(azure: LocalAzure) -> None:
    """Rotations end; what overlaps goes on overlapping."""
    for _ in range(8):
        work()
        azure.pass_time(10)
    assert not Operation.objects.filter(kind="rotate_credential", state__in=["queued", "running"]).exists()


def statuses(database: Database) -> dict[str, str]:
    return dict(Credential.objects.filter(database=database).values_list("slot", "status"))


def test_it_is_made_with_the_service_and_is_another_user_with_another_password(azure: LocalAzure):
    database = a_dicom_database(azure)
    own, cast = published(azure, database), published_for_cast(azure, database)
    assert (own["user"], cast["user"]) == ("svc_a", "svc_cast_a")
    assert own["password"] != cast["password"]
    assert own["database"] == cast["database"]
    assert can_sign_in(own)
    assert can_sign_in(cast)
    assert statuses(database) == {"a": "active", "cast-a": "active"}


def test_without_it_nothing_of_it_is_made(azure: LocalAzure):
    database = a_dicom_database(azure, cast=False)
    assert enabled(azure, database) == set()
    assert statuses(database) == {"a": "active"}
    assert Operation.objects.get(kind="create_database").step == "publish_secret"


def test_a_fhir_service_has_none(azure: LocalAzure):
    with pytest.raises(CastNotSupported):
        wish(cast=True, kind="fhir")
    assert not Database.objects.exists()


def test_it_is_rotated_by_itself_and_the_service_notices_nothing(azure: LocalAzure):
    database = a_dicom_database(azure)
    own, first = published(azure, database), published_for_cast(azure, database)
    request_rotation(database, actor="tests", purpose=Purpose.CAST)
    request_rotation(database, actor="tests")  # at the same time: they are not in each other's way
    work_on(azure)
    second = published_for_cast(azure, database)
    assert (second["user"], published(azure, database)["user"]) == ("svc_cast_b", "svc_b")
    assert can_sign_in(first)
    assert can_sign_in(second)
    let_overlap_pass(azure)
    assert [can_sign_in(document) for document in (own, first, second)] == [False, False, True]
    assert statuses(database) == {"a": "retired", "b": "active", "cast-a": "retired", "cast-b": "active"}


def test_the_schedule_rotates_both(azure: LocalAzure):
    database = a_dicom_database(azure)
    azure.pass_business_time(days=85)
    assert due.request_due() == 2
    targets = Operation.objects.filter(kind="rotate_credential").values_list("target_key", flat=True)
    assert sorted(targets) == [f"credential:{database.pk}", f"credential:{database.pk}:cast"]
    assert due.request_due() == 0
    work_on(azure)
    assert published_for_cast(azure, database)["user"] == "svc_cast_b"


def test_an_emergency_replaces_both(azure: LocalAzure):
    database = a_dicom_database(azure)
    known = [published(azure, database), published_for_cast(azure, database)]
    operation = request_emergency(Reach(Scope.DATABASE, database.pk), actor="tests", reason="A laptop was stolen.")
    run_until_settled(azure)
    operation.refresh_from_db()
    assert (operation.state, operation.choices["begun"]) == ("succeeded", 2)
    assert [can_sign_in(document) for document in known] == [False, False]
    assert can_sign_in(published_for_cast(azure, database))


def test_it_is_switched_on_and_off_and_on_again(azure: LocalAzure):
    database = a_dicom_database(azure, cast=False)
    operation = wish(cast=True).operation
    assert operation is not None
    assert operation.kind == "issue_cast_credential"
    assert wish(cast=True).operation == operation
    with pytest.raises(OperationInProgress):
        wish(cast=False)
    run_until_settled(azure)
    first = published_for_cast(azure, database)
    assert can_sign_in(first)
    assert wish(cast=True).operation is None

    session = azure.session(first)
    removal = wish(cast=False).operation
    assert removal is not None
    assert wish(cast=False).operation == removal
    with pytest.raises(OperationInProgress):
        wish(cast=True)
    run_until_settled(azure)
    assert not can_sign_in(first)
    with pytest.raises(SqlFailure):
        session.execute("SELECT 1")
    assert enabled(azure, database) == set()
    assert statuses(database) == {"a": "active", "cast-a": "retired"}
    assert can_sign_in(published(azure, database))
    assert wish(cast=False).operation is None

    wish(cast=True)
    run_until_settled(azure)
    assert can_sign_in(published_for_cast(azure, database))
    assert not can_sign_in(first)
    told = AuditEvent.objects.filter(action="service.changed").order_by("at").values_list("after", flat=True)
    assert [after["cast"] for after in told] == [True, False, True]


def test_switched_off_while_it_is_rotated_the_rotation_stops_or_ends_first(azure: LocalAzure):
    database = a_dicom_database(azure)
    first = published_for_cast(azure, database)
    request_rotation(database, actor="tests", purpose=Purpose.CAST)
    for _ in range(4):
        run_one_step()
    wish(cast=False)
    run_until_settled(azure)
    assert not can_sign_in(first)
    assert enabled(azure, database) == set()
    assert set(statuses(database).values()) == {"active", "retired"}
    assert can_sign_in(published(azure, database))
    assert not list(due.due_credentials(credential_end(database)).filter(slot__startswith="cast"))


def credential_end(database: Database):
    return Credential.objects.get(database=database, slot="a").valid_until


def test_a_cancelled_switch_leaves_nothing_of_it(azure: LocalAzure):
    database = a_dicom_database(azure, cast=False)
    operation = wish(cast=True).operation
    assert operation is not None
    for _ in range(4):
        run_one_step()
    cancel(operation, actor="tests")
    run_until_settled(azure)
    operation.refresh_from_db()
    database.service.refresh_from_db()
    assert (operation.state, database.service.has_cast) == ("cancelled", False)
    assert enabled(azure, database) == set()


def test_one_that_failed_is_issued_when_it_is_wished_for_again(azure: LocalAzure):
    database = a_dicom_database(azure, cast=False)
    operation = wish(cast=True).operation
    assert operation is not None
    run_one_step()
    Operation.objects.filter(pk=operation.pk).update(state="failed", lease_until=None, lease_owner="")
    again = wish(cast=True).operation
    assert again not in (None, operation)
    run_until_settled(azure)
    assert can_sign_in(published_for_cast(azure, database))


def test_a_failed_service_keeps_the_option_it_was_wished_with(azure: LocalAzure):
    wish(cast=True)
    Operation.objects.update(state="failed")
    Database.objects.update(status="failed")
    with pytest.raises(ChangeNotSupported):
        wish(cast=False)
    wish(cast=True)
    run_until_settled(azure, seconds=60)
    assert can_sign_in(published_for_cast(azure, Database.objects.get()))


def test_it_goes_with_the_database_and_stands_in_the_certificate(azure: LocalAzure):
    database = a_dicom_database(azure)
    cast = published_for_cast(azure, database)
    assert database.service is not None
    removal = request_deletion(database.service, actor="tests")
    run_until_settled(azure)
    assert enabled(azure, database) == set()
    assert not can_sign_in(cast)
    names = {secret["name"] for secret in certificate_of(database.service.workspace, removal)["secrets"]}
    assert f"{stable_secret_of(database)}-cast" in names


@pytest.mark.parametrize("steps", range(7))
def test_a_deletion_overtakes_a_switch_at_any_moment(azure: LocalAzure, steps: int):
    database = a_dicom_database(azure, cast=False)
    operation = wish(cast=True).operation
    assert operation is not None
    assert database.service is not None
    for _ in range(steps):
        run_one_step()
    request_deletion(database.service, actor="tests")
    run_until_settled(azure)
    database.refresh_from_db()
    assert (database.status, enabled(azure, database)) == ("deleted", set())


def test_who_comes_late_to_a_removal_harms_nothing_that_was_issued_since(azure: LocalAzure):
    database = a_dicom_database(azure)
    removal = wish(cast=False).operation
    assert removal is not None
    run_until_settled(azure)
    late = Operation.objects.get(pk=removal.pk)
    late.choices = {}
    wish(cast=True)
    run_until_settled(azure)
    for step in (revoke_credential.disable_secrets, revoke_credential.drop_user, revoke_credential.end_sessions):
        step(late)
    assert can_sign_in(published_for_cast(azure, database))

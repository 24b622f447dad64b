"""What an emergency must not miss: credentials on their way, rotations that are stuck, replacements that were cancelled."""

from __future__ import annotations

import json
from typing import Any

from inventory.models import Database
from operations import clock
from operations.models import Operation
from operations.services import cancel
from provisioning import observe
from provisioning.services import ServiceWish, request_deletion, request_service
from rotation import due
from rotation.emergency import Reach, Scope, request_emergency
from rotation.models import Credential
from rotation.names import staging_secret_of
from rotation.services import request_rotation
from simulator.http import Response
from tests.builders import GIB, a_region, a_workspace
from tests.integration.rotation.test_cast import a_dicom_database, published_for_cast, wish
from tests.local_azure import LocalAzure, run_one_step, run_until_settled, work, work_alone
from tests.rotating import a_ready_database, can_sign_in, published


def everything() -> Operation:
    return request_emergency(Reach(Scope.EVERYTHING), actor="tests", reason="a stranger read the vault")


def run_until(azure: LocalAzure, **operation: str) -> None:
    """Step by step, until one is there."""
    for _ in range(3000):
        if Operation.objects.filter(**operation).exists():
            return
        if not run_one_step():
            azure.pass_time(20)
            observe.observe_due()
    raise AssertionError(f"never came to {operation}")


def work_for_half_an_hour(azure: LocalAzure) -> None:
    for _ in range(30):
        work()
        azure.pass_time(60)


def stuck_at_promote(azure: LocalAzure, database: Database) -> None:
    """A rotation that waits for a human past its point of no return; the vault works again since."""

    def unavailable(name: str, call: Any) -> Any:
        if name.startswith("PUT") and name.endswith(f"/secrets/{database.azure_name}"):
            body = {"error": {"code": "ServiceUnavailable", "message": "try later"}}
            return Response(503, {"content-type": "application/json"}, json.dumps(body).encode())
        return call()

    azure.around = unavailable
    request_rotation(database, actor="tests")
    for _ in range(60):
        work()
        azure.pass_time(300)
    azure.around = lambda name, call: call()
    assert Operation.objects.get(kind="rotate_credential").state == "needs_attention"


def test_a_password_on_its_way_when_the_emergency_is_declared_is_replaced(azure: LocalAzure) -> None:
    request_service(a_workspace("cigna", a_region("eastus")), ServiceWish("claims", "fhir", 100 * GIB), actor="tests")
    run_until(azure, kind="create_database", step="publish_secret")
    database = Database.objects.get()
    known = azure.secrets()[staging_secret_of(database, "a")][-1]["value"]
    work_alone(everything())
    run_until_settled(azure)
    document = published(azure, database)
    assert document["password"] != known
    assert can_sign_in(document)


def test_a_password_of_dicom_cast_on_its_way_is_replaced_too(azure: LocalAzure) -> None:
    database = a_dicom_database(azure, cast=False)
    wish(cast=True)
    run_until(azure, kind="issue_cast_credential", step="promote")
    known = azure.secrets()[staging_secret_of(database, "cast-a")][-1]["value"]
    everything()
    run_until_settled(azure)
    assert published_for_cast(azure, database)["password"] != known


def test_an_emergency_goes_on_behind_a_rotation_that_was_stuck(azure: LocalAzure) -> None:
    database = a_ready_database(azure)
    stuck_at_promote(azure, database)
    old, emergency = published(azure, database), everything()
    run_until_settled(azure)
    emergency.refresh_from_db()
    assert emergency.state == "succeeded"
    assert not can_sign_in(old)


def test_a_removal_goes_on_behind_a_rotation_that_was_stuck(azure: LocalAzure) -> None:
    database = a_ready_database(azure)
    stuck_at_promote(azure, database)
    assert database.service is not None
    request_deletion(database.service, actor="tests")
    run_until_settled(azure)
    database.refresh_from_db()
    assert database.status == "deleted"


def test_what_falls_due_while_an_emergency_is_not_over_gets_no_overlap(azure: LocalAzure) -> None:
    database = a_ready_database(azure)
    old, emergency = published(azure, database), everything()
    work_alone(emergency)
    cancel(Operation.objects.get(parent=emergency), actor="somebody")
    work_for_half_an_hour(azure)
    emergency.refresh_from_db()
    assert emergency.state == "needs_attention"
    Credential.objects.filter(database=database, status="active").update(rotate_after=clock.now())
    due.request_due()
    work_for_half_an_hour(azure)
    assert not can_sign_in(old)
    assert can_sign_in(published(azure, database))

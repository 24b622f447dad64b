"""Wishes that meet work in progress."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest
from django.db import connection, transaction

from controlplane.database_url import DatabaseAddress
from inventory.models import Database, ElasticPool, ServiceInstance, Workspace
from inventory.states import Status
from operations.errors import OperationInProgress
from operations.models import Operation
from operations.services import cancel
from provisioning.services import ServiceWish, request_deletion, request_service
from tests.builders import GIB, a_pool, a_server
from tests.local_azure import LocalAzure, run_until_settled, work

WAITED_SECONDS = 10.0


def a_wish(workspace: Workspace, name: str = "claims") -> Database:
    granted = request_service(workspace, ServiceWish(name, "fhir", 100 * GIB), actor="tests")
    return Database.objects.get(service=granted.service)


def assert_gone(azure: LocalAzure, database: Database) -> None:
    """Every operation ended well, and nothing of the database is left anywhere."""
    ends = set(Operation.objects.filter(target_key=database.key).values_list("kind", "state"))
    assert ("delete_database", "succeeded") in ends, Operation.objects.values("kind", "state", "step", "error_message")
    database.refresh_from_db()
    assert database.status == Status.DELETED
    assert azure.resources("databases") == []
    assert not ServiceInstance.objects.filter(deleted_at__isnull=True).exists()
    assert list(ElasticPool.objects.exclude(databases_committed=0)) == []
    versions = [v for name, vs in azure.secrets().items() if name.startswith(database.azure_name) for v in vs]
    assert not any(version["attributes"]["enabled"] for version in versions)


def test_a_service_that_is_deleted_before_work_began_leaves_nothing(azure: LocalAzure, workspace: Workspace):
    database = a_wish(workspace)
    request_deletion(ServiceInstance.objects.get(), actor="tests")
    run_until_settled(azure)
    assert_gone(azure, database)
    assert Operation.objects.get(kind="create_database").state == "cancelled"


def test_a_wish_is_refused_while_a_removal_stands_in_line(azure: LocalAzure, workspace: Workspace):
    a_wish(workspace)
    removal = request_deletion(ServiceInstance.objects.get(), actor="tests")
    with pytest.raises(OperationInProgress) as refused:
        a_wish(workspace)
    assert refused.value.operation == removal


@pytest.mark.parametrize("rounds", [1, 2, 4, 8, 12, 20])
def test_a_service_that_is_deleted_while_it_is_made_is_gone_in_the_end(
    rounds: int, azure: LocalAzure, workspace: Workspace
):
    database = a_wish(workspace)
    for _ in range(rounds):
        work()
        azure.pass_time(10)
    request_deletion(ServiceInstance.objects.get(), actor="tests")
    run_until_settled(azure)
    assert_gone(azure, database)


def test_a_service_that_is_being_deleted_says_so(azure: LocalAzure, workspace: Workspace):
    database = a_wish(workspace)
    while Operation.objects.get(kind="create_database").step != "await_create":
        work()
        azure.pass_time(10)
    request_deletion(ServiceInstance.objects.get(), actor="tests")
    while not Operation.objects.filter(kind="create_database", state="succeeded").exists():
        work()
        azure.pass_time(10)
    work()
    database.refresh_from_db()
    assert database.status in (Status.DELETING, Status.DELETED)


def test_a_second_attempt_that_is_cancelled_forgets_nothing_of_the_first(azure: LocalAzure, workspace: Workspace):
    database = a_wish(workspace)
    run_until_settled(azure)
    Database.objects.update(status=Status.FAILED)  # as after a step that failed late
    a_wish(workspace)
    cancel(Operation.objects.get(kind="create_database", state="queued"), actor="tests")
    run_until_settled(azure)
    database.refresh_from_db()
    assert (database.status, database.error_code) == (Status.FAILED, "Cancelled")
    assert len(azure.resources("databases")) == 1
    request_deletion(ServiceInstance.objects.get(), actor="tests")
    run_until_settled(azure)
    assert_gone(azure, database)


def test_a_deletion_waits_for_who_records_a_step_and_forms_no_circle(
    committed_db: None, application_address: DatabaseAddress
):
    pool = a_pool(a_server())
    workspace = Workspace.objects.create(name="cigna", region=pool.server.region)
    database = a_wish(workspace)
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            request_deletion(ServiceInstance.objects.get(), actor="tests")
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    asking = threading.Thread(target=ask)
    with transaction.atomic():  # as the engine does: first the operation, then what it changes
        Operation.objects.select_for_update(of=("self",)).get()
        asking.start()
        wait_until_blocked(application_address)
        Database.objects.filter(pk=database.pk).update(placement={"reason": "a step"})
    asking.join(WAITED_SECONDS)
    assert failures == []
    assert Operation.objects.filter(kind="delete_database").count() == 1


def wait_until_blocked(address: DatabaseAddress) -> None:
    """Return once another session of this database waits for a lock; fails loudly when none ever does."""
    deadline = time.monotonic() + WAITED_SECONDS
    with psycopg.connect(address.url().reveal(), autocommit=True) as watcher:
        while time.monotonic() < deadline:
            waiting = watcher.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
            if waiting is not None and waiting[0]:
                return
            time.sleep(0.02)
    raise AssertionError("nobody waits")

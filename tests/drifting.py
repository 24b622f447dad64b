"""What happens to a fleet outside of us, and looks at it: for tests of comparison and repair."""

from __future__ import annotations

from datetime import timedelta

from cloud import factory
from cloud.changes import DatabaseChange, PoolChange
from cloud.polls import PollState
from cloud.protocols import Accepted, ServerRef
from inventory.models import Database, SqlServer, Workspace
from operations import clock
from provisioning.drift import reconcile, repairs
from provisioning.models import Finding, Review
from provisioning.services import ServiceWish, request_service
from provisioning.targets import reference, server_row_of
from tests.builders import GIB
from tests.local_azure import LocalAzure, run_until_settled

UNSETTLED_SECONDS = 100.0  # longer than a listing of Azure may lag behind an operation of ours


def a_ready_database(azure: LocalAzure, workspace: Workspace, name: str = "claims") -> Database:
    """Created through the product, and left alone long enough to be compared."""
    granted = request_service(workspace, ServiceWish(name, "fhir", 100 * GIB), actor="tests")
    run_until_settled(azure)
    azure.pass_time(UNSETTLED_SECONDS)
    return Database.objects.select_related("server", "pool").get(service=granted.service)


def change_outside(azure: LocalAzure, database: Database, change: DatabaseChange) -> None:
    """Somebody changes a database in Azure's own portal."""
    finish(azure, factory.sql_management().begin_update_database(where(database), database.azure_name, change))


def change_pool_outside(azure: LocalAzure, database: Database, change: PoolChange) -> None:
    assert database.pool is not None
    finish(azure, factory.sql_management().begin_update_pool(where(database), database.pool.azure_name, change))


def delete_outside(azure: LocalAzure, database: Database) -> None:
    finish(azure, factory.sql_management().begin_delete_database(where(database), database.azure_name))


def finish(azure: LocalAzure, accepted: Accepted) -> None:
    azure.azure.clock.advance(timedelta(hours=1))
    if accepted.poll_url:
        assert factory.sql_management().poll(azure.subscription_id, accepted.poll_url).state is PollState.SUCCEEDED


def where(database: Database) -> ServerRef:
    return reference(server_row_of(database))


def look(azure: LocalAzure, times: int = 1) -> None:
    """Compare everything now, so many times, with some time in between."""
    for _ in range(times):
        azure.pass_time(1)
        reconcile._come_to_know()
        Review.objects.update(due_at=clock.database_now())
        while reconcile.review_due():
            pass


def repair(azure: LocalAzure) -> int:
    """Begin what may be repaired and wait for its end, until a look may believe it. Returns how many were begun."""
    begun = repairs.repair_due()
    run_until_settled(azure)
    azure.pass_time(UNSETTLED_SECONDS)
    return begun


def found(**columns: object) -> list[tuple[str, str, str]]:
    """(kind, attribute, state) of the findings, worst first."""
    rows = Finding.objects.filter(**columns).order_by("severity", "attribute")
    return list(rows.values_list("kind", "attribute", "state"))


def server_of(database: Database) -> SqlServer:
    return server_row_of(database)

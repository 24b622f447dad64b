"""Azure cannot check our fence: what a paused worker had in hand lands when it goes on, after others have finished."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cloud import factory
from cloud.changes import DatabaseChange
from inventory.models import Database, ServiceInstance, Workspace
from inventory.states import Status
from operations.models import Operation
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.growth import request_growth
from provisioning.drift.accepting import accept
from provisioning.drift.orphans import NotAnOrphan, ReasonMissing, request_removal
from provisioning.models import Finding
from provisioning.services import ServiceWish, request_deletion, request_service
from tests.builders import GIB
from tests.drifting import UNSETTLED_SECONDS, a_ready_database, change_outside, found, look, repair, where
from tests.local_azure import LocalAzure, run_until_settled, straight

LEASE_AND_MORE_SECONDS = 100.0


@pytest.fixture
def neighbour(azure: LocalAzure, workspace: Workspace) -> Database:
    """So that server and pool stand, and go on standing."""
    return a_ready_database(azure, workspace, name="neighbour")


def create_with_a_paused_worker(
    azure: LocalAzure, workspace: Workspace, meanwhile: Callable[[Database], None]
) -> Database:
    """One worker freezes with its PUT of the database in hand; its lease ends, others create it, and then `meanwhile`
    happens. Only then the PUT lands."""
    granted = request_service(workspace, ServiceWish("claims", "fhir", 100 * GIB), actor="tests")
    database = Database.objects.get(service=granted.service)

    def paused(name: str, call: Callable[[], Any]) -> Any:
        if not (name.startswith("PUT") and name.endswith(f"/databases/{database.azure_name}")):
            return call()
        azure.around = straight
        kept = factory._clients
        azure.new_clients()
        azure.pass_time(LEASE_AND_MORE_SECONDS)
        run_until_settled(azure)
        meanwhile(database)
        factory._clients = kept
        return call()

    azure.around = paused
    run_until_settled(azure)
    assert azure.around is straight, "the worker was never paused"
    azure.pass_time(UNSETTLED_SECONDS)
    database.refresh_from_db()
    return database


def deleted(azure: LocalAzure) -> Callable[[Database], None]:
    def meanwhile(database: Database) -> None:
        request_deletion(ServiceInstance.objects.get(name="claims"), actor="tests")
        run_until_settled(azure)
        assert database.azure_name not in names(azure)

    return meanwhile


def names(azure: LocalAzure) -> list[str]:
    return [one.name for one in azure.resources("databases")]


def test_a_database_that_a_late_request_resurrects_is_an_orphan_of_our_own_making(
    azure: LocalAzure, workspace: Workspace, neighbour: Database
):
    database = create_with_a_paused_worker(azure, workspace, deleted(azure))
    assert (database.status, database.azure_name in names(azure)) == (Status.DELETED, True)
    look(azure, times=2)
    finding = Finding.objects.get()
    assert (finding.kind, finding.state, finding.name) == ("orphaned", "open", database.azure_name)
    assert finding.note.startswith("We deleted it; a late request of ours has made it again.")
    creation = Operation.objects.get(kind="create_database", target_key=database.key)
    assert finding.observed["tags"]["operation"] == str(creation.pk)


def test_an_orphan_goes_by_an_operators_word_alone(azure: LocalAzure, workspace: Workspace, neighbour: Database):
    database = create_with_a_paused_worker(azure, workspace, deleted(azure))
    look(azure, times=2)
    assert (repair(azure), database.azure_name in names(azure)) == (0, True)
    finding = Finding.objects.get()
    with pytest.raises(ReasonMissing):
        request_removal(finding, actor="operator", reason=" ")
    request_removal(finding, actor="operator", reason="Our own late request.")
    run_until_settled(azure)
    assert names(azure) == [neighbour.azure_name]
    azure.pass_time(UNSETTLED_SECONDS)
    look(azure)
    assert found() == [("orphaned", "", "resolved")]


def test_what_has_got_a_row_again_is_not_removed(azure: LocalAzure, workspace: Workspace, neighbour: Database):
    database = create_with_a_paused_worker(azure, workspace, deleted(azure))
    look(azure, times=2)
    operation = request_removal(Finding.objects.get(), actor="operator", reason="Our own late request.")
    Database.objects.filter(pk=database.pk).update(status=Status.READY)
    run_until_settled(azure)
    operation.refresh_from_db()
    assert (operation.state, operation.error_code) == ("failed", "HasRow")
    assert database.azure_name in names(azure)


def test_what_somebody_else_made_is_not_ours_to_remove(azure: LocalAzure, workspace: Workspace, neighbour: Database):
    database = create_with_a_paused_worker(azure, workspace, deleted(azure))
    change_outside(azure, database, DatabaseChange(tags={"deployment": "another"}))
    look(azure, times=2)
    with pytest.raises(NotAnOrphan):
        request_removal(Finding.objects.get(), actor="operator", reason="Looks old.")


def grown_by_its_owner(azure: LocalAzure) -> Callable[[Database], None]:
    def meanwhile(database: Database) -> None:
        row = Database.objects.select_related("pool", "server", "service__workspace", "region").get(pk=database.pk)
        request_growth(row, 300 * GIB, actor="owner", consent=ACCEPTED)
        run_until_settled(azure)

    return meanwhile


def grown_outside(azure: LocalAzure) -> Callable[[Database], None]:
    def meanwhile(database: Database) -> None:
        """Somebody lets it grow in Azure, and we take that as what we want."""
        azure.pass_time(UNSETTLED_SECONDS)
        change_outside(azure, Database.objects.get(pk=database.pk), DatabaseChange(max_size_bytes=300 * GIB))
        look(azure, times=2)
        accept(Finding.objects.get(), actor="operator", reason="It needs the room.")

    return meanwhile


@pytest.mark.parametrize("later", [grown_by_its_owner, grown_outside])
def test_a_late_request_that_undoes_a_later_change_is_found_and_repaired(
    azure: LocalAzure, workspace: Workspace, neighbour: Database, later: Callable[..., Callable[[Database], None]]
):
    database = create_with_a_paused_worker(azure, workspace, later(azure))
    seen = factory.sql_management().get_database(where(database), database.azure_name)
    assert seen is not None
    assert (database.size_bytes, seen.max_size_bytes) == (300 * GIB, 100 * GIB)
    look(azure, times=2)
    assert found(state="open") == [("changed", "max_size_bytes", "open")]
    assert repair(azure) == 1
    look(azure)
    assert {state for _, _, state in found()} == {"resolved"}
    seen = factory.sql_management().get_database(where(database), database.azure_name)
    assert seen is not None
    assert seen.max_size_bytes == 300 * GIB

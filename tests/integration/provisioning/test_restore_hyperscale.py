"""A Hyperscale service comes back as one: a single database of its own size, from snapshots, on its own server."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory.models import Database, SqlServer, Workspace
from inventory.states import Status
from operations import clock
from operations.models import Operation
from provisioning.conversions import ConversionWish, Cutover, request_conversion
from provisioning.errors import RestoreWindowPassed, ReturnNotPossible
from provisioning.restores import RestoreWish, request_restore
from provisioning.returns import alert_ending, request_return
from provisioning.services import ServiceWish, request_service
from simulator.arm.origins import HYPERSCALE_SECONDS
from simulator.faults import FaultKind, FaultRule
from tests.builders import TIB
from tests.integration.provisioning.test_restore_database import (
    DAY,
    HOUR,
    let_time_pass,
    names_in_azure,
    removed,
    restored,
    succeeded,
)
from tests.local_azure import LocalAzure, run_until_settled
from tests.rotating import a_ready_database, can_sign_in, enabled_versions, published, versions_in_use


def a_hyperscale_database(azure: LocalAzure, workspace: Workspace, *, age: timedelta = HOUR) -> Database:
    granted = request_service(workspace, ServiceWish("claims", "dicom", 50 * TIB), actor="tests")
    run_until_settled(azure, seconds=60)
    database = Database.objects.get(service=granted.service)
    assert (database.status, database.service_tier) == (Status.READY, "Hyperscale")
    let_time_pass(azure, age)
    return database


def in_azure(azure: LocalAzure) -> tuple[str, str, int]:
    """SKU and objective of the one database that stands."""
    (found,) = azure.resources("databases")
    return found.body["sku"]["name"], found.properties["currentServiceObjectiveName"], found.properties["maxSizeBytes"]


def room_taken() -> tuple[int, int]:
    server = SqlServer.objects.get()
    return server.databases_committed, server.vcores_committed


def test_an_undeleted_hyperscale_service_has_its_size_room_and_credentials_again(
    azure: LocalAzure, workspace: Workspace
):
    before = a_hyperscale_database(azure, workspace)
    size, taken = in_azure(azure), room_taken()
    gone = removed(azure, before)
    assert room_taken() == (0, 0)
    assert succeeded(restored(azure, workspace))
    database = Database.objects.get(pk=before.pk)
    assert (database.service_tier, database.sku_name, database.vcores) == ("Hyperscale", gone.sku_name, gone.vcores)
    assert (in_azure(azure), room_taken()) == (size, taken)
    assert (database.pool_id, database.server_id) == (None, before.server_id)
    assert can_sign_in(published(azure, database))
    assert enabled_versions(azure, database) == versions_in_use(database)


def test_a_standing_hyperscale_service_goes_back_to_a_moment(azure: LocalAzure, workspace: Workspace):
    before = a_hyperscale_database(azure, workspace)
    taken = room_taken()
    assert succeeded(restored(azure, workspace, clock.now() - HOUR / 2))
    database = Database.objects.get(pk=before.pk)
    assert names_in_azure(azure) == [database.azure_name] != [before.azure_name]
    assert room_taken() == taken
    assert can_sign_in(published(azure, database))


def test_it_can_be_restored_at_once_where_others_wait_for_their_first_backup(azure: LocalAzure, workspace: Workspace):
    removed(azure, a_hyperscale_database(azure, workspace, age=timedelta(0)))
    assert succeeded(restored(azure, workspace))


def test_it_takes_as_long_as_recorded_whatever_it_holds(azure: LocalAzure, workspace: Workspace):
    removed(azure, a_hyperscale_database(azure, workspace))
    began = azure.azure.clock.now()
    assert succeeded(restored(azure, workspace))
    (made,) = azure.resources("databases")
    assert HYPERSCALE_SECONDS[0] <= made.inner["online_at"] - began <= HYPERSCALE_SECONDS[1] + 60


def test_after_its_grace_it_is_refused(azure: LocalAzure, workspace: Workspace):
    gone = removed(azure, a_hyperscale_database(azure, workspace))
    let_time_pass(azure, gone.retention_days * DAY)
    with pytest.raises(RestoreWindowPassed, match="could be restored until"):
        request_restore(workspace, RestoreWish("claims"), actor="tests")


def test_where_its_server_is_full_the_refusal_says_so_and_it_stays_restorable(azure: LocalAzure, workspace: Workspace):
    gone = removed(azure, a_hyperscale_database(azure, workspace))
    SqlServer.objects.update(vcores_committed=540)
    operation = restored(azure, workspace)
    assert (operation.state, operation.error_code) == (Operation.State.FAILED, "NoRoomOnServer")
    SqlServer.objects.update(vcores_committed=0)
    database = Database.objects.get(pk=gone.pk)
    assert (database.status, database.restorable_until) == (Status.DELETED, gone.restorable_until)
    assert succeeded(restored(azure, workspace))


def test_where_azure_refuses_the_size_nothing_is_left_behind(azure: LocalAzure, workspace: Workspace):
    gone = removed(azure, a_hyperscale_database(azure, workspace))
    refused = {"status": 400, "code": "InvalidVldbRestoreSlo", "method": "PUT"}
    azure.azure.faults.add(FaultRule(FaultKind.STATUS, **refused))
    operation = restored(azure, workspace)
    assert (operation.state, operation.error_code) == (Operation.State.FAILED, "InvalidVldbRestoreSlo")
    assert (names_in_azure(azure), room_taken()) == ([], (0, 0))
    assert Database.objects.get(pk=gone.pk).status == Status.DELETED


def test_what_was_restored_after_a_conversion_has_no_way_back_and_nobody_is_told_of_one(
    azure: LocalAzure, workspace: Workspace
):
    """Azure takes back what it converted itself; the restored database is another one, made in Hyperscale."""
    converted = a_ready_database(azure, workspace=workspace)
    assert converted.service is not None
    request_conversion(converted.service, ConversionWish(Cutover.AUTOMATIC), actor="tests")
    run_until_settled(azure, seconds=60)
    let_time_pass(azure, HOUR)
    assert succeeded(restored(azure, workspace, clock.now() - HOUR / 4))
    database = Database.objects.select_related("service").get(pk=converted.pk)
    assert (database.service_tier, database.converted_at) == ("Hyperscale", None)
    assert database.service is not None
    with pytest.raises(ReturnNotPossible):
        request_return(database.service, actor="tests")
    clock.advance(40 * DAY, business=True)
    assert alert_ending() == 0

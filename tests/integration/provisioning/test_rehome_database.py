"""A database moves to another server: seeded, switched over, announced, followed, and then the old place is gone."""

from __future__ import annotations

import json
from datetime import UTC, time, timedelta

import pytest

from cloud.protocols import Origin
from cloud.sql_failures import SqlFailure
from inventory.models import Database, ElasticPool, SqlServer, Workspace
from inventory.states import Status
from operations import clock
from operations.errors import TooLateToCancel
from operations.models import AuditEvent, Operation, OutboxEvent
from operations.services import cancel
from provisioning.maintenance import MaintenanceWish, WindowWish, define_maintenance
from provisioning.restore_sources import source_for
from provisioning.services import ServiceWish, request_deletion, request_service
from rotation.acknowledgement import acknowledge
from rotation.models import Credential
from rotation.names import stable_secret_of
from rotation.services import request_rotation
from tests.builders import TIB
from tests.crash import judging
from tests.local_azure import LocalAzure, run_until_settled, until_step, work
from tests.rehoming import a_server_in_the_making, other_server, rehome
from tests.rotating import a_ready_database

WAITS_FOR_WINDOW = {"await_beginning": timedelta(days=3), "await_window": timedelta(hours=2)}


@pytest.fixture
def database(azure: LocalAzure, workspace: Workspace) -> Database:
    """Ready on the first of two servers."""
    row = a_ready_database(azure, workspace=workspace)
    a_server_in_the_making()
    run_until_settled(azure)
    return row


def ended(azure: LocalAzure, operation: Operation) -> Operation:
    """At its end; nobody acknowledges anything, so the time for it passes."""
    until_step(azure, operation, "await_followers")
    azure.pass_business_time(hours=13)
    run_until_settled(azure, seconds=60)
    operation.refresh_from_db()
    return operation


def published(azure: LocalAzure, database: Database) -> list[dict[str, str]]:
    """What its stable secret says, oldest first; only versions that are enabled."""
    versions = azure.secrets()[stable_secret_of(database)]
    return [json.loads(one["value"]) for one in versions if one["attributes"]["enabled"]]


def places(azure: LocalAzure) -> list[tuple[str, str]]:
    """Server and name of every database in Azure."""
    return sorted((one.id.split("/")[8], one.name) for one in azure.resources("databases"))


def links(azure: LocalAzure) -> int:
    return len([one for one in azure.azure.arm.resources if one.type == "replicationLinks"])


def a_window_in(wait: timedelta) -> None:
    """Once a week its owner may be disturbed, for an hour."""
    at = (clock.now() + wait).astimezone(UTC)
    window = WindowWish(at.weekday(), time(at.hour, at.minute), 60, "UTC")
    define_maintenance(Workspace.objects.get(), MaintenanceWish(frozenset({window})), actor="owner")


def nothing_is_wrong() -> list[str]:
    return [*judging.counters(), *judging.left_behind(), *judging.told_once()]


def test_it_stands_on_the_other_server_under_its_name(azure: LocalAzure, database: Database):
    old = database.server
    operation = ended(azure, rehome(database))
    assert (operation.state, operation.error_message) == ("succeeded", "")
    database.refresh_from_db()
    assert database.server == other_server() != old
    assert (database.status, database.holds_room, database.pool.server) == (Status.READY, True, database.server)
    assert places(azure) == [(database.server.azure_name, database.azure_name)]
    assert links(azure) == 0
    (document,) = published(azure, database)
    assert document["endpoint"] == database.server.observed_endpoint
    azure.session(document).execute("SELECT 1")
    assert nothing_is_wrong() == []


def test_the_old_place_only_reads_until_its_consumers_say_that_they_have_followed(
    azure: LocalAzure, database: Database
):
    old_place = published(azure, database)[0]
    operation = rehome(database)
    until_step(azure, operation, "await_followers")
    before, after = published(azure, database)
    assert (before, after["endpoint"]) == (old_place, other_server().observed_endpoint)
    assert {**after, "endpoint": ""} == {**before, "endpoint": ""}
    there = azure.session(old_place)
    there.execute("SELECT 1")
    with pytest.raises(SqlFailure) as refused:
        there.execute("CREATE TABLE t (id int)")
    assert refused.value.number == 3906
    active = Credential.objects.get(database=database, status="active")
    acknowledge(database.service, active.stable_version, actor="tests")
    run_until_settled(azure, seconds=20)
    operation.refresh_from_db()
    assert operation.state == "succeeded"
    assert published(azure, database) == [after]
    assert places(azure) == [(other_server().azure_name, database.azure_name)]


def test_everybody_is_told_of_the_new_endpoint_and_how_long_the_old_one_stays(azure: LocalAzure, database: Database):
    old = database.server.observed_endpoint
    operation = rehome(database)
    until_step(azure, operation, "await_followers")
    told = OutboxEvent.objects.get(kind="database.endpoint_changed")
    active = Credential.objects.get(database=database, status="active")
    assert (told.workspace, told.target) == ("cigna", database.key)
    assert (told.data["former_endpoint"], told.data["endpoint"]) == (old, other_server().observed_endpoint)
    assert told.data["kept_until"] == operation.choices["kept_until"]
    assert told.data["secrets"] == {active.stable_secret: active.stable_version}
    assert AuditEvent.objects.filter(action="database.endpoint_changed", operation_id=operation.pk).count() == 1


def test_room_is_held_at_both_places_while_both_exist(azure: LocalAzure, database: Database):
    operation = rehome(database)
    for step in ("await_replica", "await_followers"):
        until_step(azure, operation, step)
        counted = ElasticPool.objects.order_by("created_at").values_list("databases_committed", flat=True)
        assert list(counted) == [1, 1]
        assert list(judging.counters()) == []
    azure.pass_business_time(hours=13)
    run_until_settled(azure)
    counted = ElasticPool.objects.order_by("created_at").values_list("databases_committed", flat=True)
    assert list(counted) == [0, 1]


def test_the_progress_is_that_of_azures_seeding(azure: LocalAzure, database: Database):
    operation = rehome(database)
    until_step(azure, operation, "await_replica")
    azure.pass_time(40)
    work()
    operation.refresh_from_db()
    (link,) = [one for one in azure.azure.arm.resources if one.type == "replicationLinks"][:1]
    assert operation.choices["run"]["phase"] == "Seeding"
    assert 0 < operation.choices["run"]["percent"] < 100
    assert "% of the replica" in operation.waits_why
    assert link.properties["replicationState"] == "SEEDING"


@pytest.mark.parametrize("step", ["await_place", "await_beginning", "await_replica", "await_window"])
def test_a_cancel_before_the_switch_leaves_all_as_it_was(azure: LocalAzure, database: Database, step: str):
    former = (database.server_id, database.pool_id)
    if step in WAITS_FOR_WINDOW:
        a_window_in(WAITS_FOR_WINDOW[step])
    operation = rehome(database)
    until_step(azure, operation, step)
    cancel(operation, actor="tests")
    run_until_settled(azure)
    operation.refresh_from_db()
    database.refresh_from_db()
    assert operation.state == "cancelled"
    assert (database.server_id, database.pool_id, database.status) == (*former, Status.READY)
    assert places(azure) == [(database.server.azure_name, database.azure_name)]
    assert links(azure) == 0
    assert [one["endpoint"] for one in published(azure, database)] == [database.server.observed_endpoint]
    azure.session(published(azure, database)[0]).execute("CREATE TABLE t (id int)")
    assert nothing_is_wrong() == []


def test_after_the_switch_it_is_too_late_to_cancel(azure: LocalAzure, database: Database):
    operation = rehome(database)
    until_step(azure, operation, "await_failover")
    with pytest.raises(TooLateToCancel):
        cancel(operation, actor="tests")
    assert ended(azure, operation).state == "succeeded"


def test_a_credential_is_renewed_while_the_old_place_is_kept(azure: LocalAzure, database: Database):
    operation = rehome(database)
    until_step(azure, operation, "await_followers")
    request_rotation(database, actor="tests")
    azure.pass_business_time(hours=1)
    for _ in range(20):
        work()
        azure.pass_time(20)
    newest = published(azure, database)[-1]
    assert (newest["user"], newest["endpoint"]) == ("svc_b", other_server().observed_endpoint)
    azure.session(newest).execute("SELECT 1")
    azure.pass_business_time(hours=40)
    run_until_settled(azure, seconds=300)
    assert [one["user"] for one in published(azure, database)] == ["svc_b"]


def test_a_deletion_does_not_wait_for_consumers_to_follow(azure: LocalAzure, database: Database):
    operation = rehome(database)
    until_step(azure, operation, "await_followers")
    assert database.service is not None
    request_deletion(database.service, actor="tests")
    run_until_settled(azure, seconds=300)
    assert places(azure) == []
    assert not Database.objects.exclude(status=Status.DELETED).exists()
    assert nothing_is_wrong() == []


def test_it_goes_there_and_back_and_there_again(azure: LocalAzure, database: Database):
    first, second = database.server, other_server()
    for server in (second, first, second):
        database.refresh_from_db()
        assert ended(azure, rehome(database, server)).state == "succeeded"
        database.refresh_from_db()
        assert database.server == server
        assert places(azure) == [(server.azure_name, database.azure_name)]
    assert nothing_is_wrong() == []


def test_what_was_before_the_move_can_still_be_restored(azure: LocalAzure, database: Database):
    azure.pass_time(3600)
    azure.pass_business_time(hours=1)
    moment = clock.now()
    assert ended(azure, rehome(database)).state == "succeeded"
    database.refresh_from_db()
    source = source_for(database, moment, clock.now())
    assert (source.origin, source.database.server) == (Origin.DROPPED, SqlServer.objects.earliest("created_at"))
    assert source_for(database, clock.now(), clock.now()).database == database


def test_a_hyperscale_database_takes_its_vcores_along(azure: LocalAzure, database: Database, workspace: Workspace):
    request_service(workspace, ServiceWish("archive", "dicom", 5 * TIB), actor="tests")
    run_until_settled(azure, seconds=60)
    archive = Database.objects.select_related("server").get(service__name="archive")
    assert archive.server is not None
    target = SqlServer.objects.exclude(pk=archive.server_id).get()
    before = target.vcores_committed
    assert ended(azure, rehome(archive, target)).state == "succeeded"
    archive.refresh_from_db()
    target.refresh_from_db()
    assert (archive.server, archive.pool, archive.service_tier) == (target, None, "Hyperscale")
    assert target.vcores_committed == before + (archive.vcores or 0)
    assert (target.azure_name, archive.azure_name) in places(azure)
    assert nothing_is_wrong() == []

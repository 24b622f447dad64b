"""A pooled database becomes a Hyperscale one: copied online, switched when its owner consents, proved, and stopped in time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloud.sql_failures import SqlFailure
from inventory.models import Database, ElasticPool, SqlServer, Workspace
from inventory.states import Status
from operations import clock
from operations.errors import OperationInProgress, TooLateToCancel
from operations.models import AuditEvent, Operation
from operations.services import cancel
from provisioning.conversions import ConversionWish, Cutover, consent, request_conversion
from provisioning.errors import ChangeNotSupported, NoConsentNeeded, SizeNotSupported
from provisioning.services import request_deletion
from simulator.faults import FaultKind, FaultRule
from tests.builders import GIB, TIB
from tests.cloud.in_process import InProcessSession
from tests.local_azure import LocalAzure, run_until_settled, until_step, work
from tests.rotating import a_ready_database, can_sign_in, published

AUTOMATIC = ConversionWish(Cutover.AUTOMATIC)


def begin(database: Database, wish: ConversionWish = AUTOMATIC) -> Operation:
    assert database.service is not None
    return request_conversion(database.service, wish, actor="tests")


def ended(azure: LocalAzure, operation: Operation) -> Operation:
    run_until_settled(azure, seconds=60)
    operation.refresh_from_db()
    return operation


def tier_in_azure(azure: LocalAzure) -> list[str]:
    return [resource.body["sku"]["tier"] for resource in azure.resources("databases")]


def rooms() -> tuple[int, int, int]:
    """Databases in the pool, databases on the server and its vCores, as promised by our rows."""
    pool, server = ElasticPool.objects.get(), SqlServer.objects.get()
    return pool.databases_committed, server.databases_committed, server.vcores_committed


def is_open(session: InProcessSession) -> bool:
    try:
        session.execute("SELECT 1")
    except SqlFailure:
        return False
    return True


def test_a_pooled_database_becomes_a_hyperscale_one(azure: LocalAzure, workspace: Workspace):
    before = a_ready_database(azure, workspace=workspace)
    document = published(azure, before)
    operation = ended(azure, begin(before))
    assert operation.state == Operation.State.SUCCEEDED, (operation.step, operation.error_code, operation.error_message)
    database = Database.objects.get(pk=before.pk)
    assert (database.status, database.service_tier, database.sku_name) == (Status.READY, "Hyperscale", "HS_Gen5")
    assert (database.pool, database.server_id, database.azure_name) == (None, before.server_id, before.azure_name)
    assert tier_in_azure(azure) == ["Hyperscale"]
    assert rooms() == (0, 1, ElasticPool.objects.get().vcores + 4)
    assert database.converted_at is not None
    assert published(azure, database) == document
    assert can_sign_in(document)


def test_it_may_grow_beyond_what_a_pool_holds(azure: LocalAzure, workspace: Workspace):
    before = a_ready_database(azure, workspace=workspace)
    operation = ended(azure, begin(before, ConversionWish(Cutover.AUTOMATIC, 6 * TIB)))
    assert operation.state == Operation.State.SUCCEEDED
    database = Database.objects.get(pk=before.pk)
    assert (database.size_bytes, database.vcores) == (6 * TIB, 8)


def test_a_connected_client_is_dropped_once_and_signs_in_again(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    document = published(azure, database)
    operation, session, drops = begin(database), azure.session(document), 0
    while not Operation.objects.get(pk=operation.pk).is_terminal:
        work()
        if not is_open(session):
            drops += 1
            refused = 0
            while not can_sign_in(document):
                azure.pass_time(5)
                refused += 5
            assert refused <= 60
            session = azure.session(document)
        azure.pass_time(5)
    operation.refresh_from_db()
    assert (operation.state, drops) == ("succeeded", 1)


def test_the_switch_waits_for_the_owner(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    session = azure.session(published(azure, database))
    operation = begin(database, ConversionWish(Cutover.CONSENT))
    until_step(azure, operation, "await_consent")
    for _ in range(5):
        azure.pass_time(3600)
        work()
    operation.refresh_from_db()
    assert (operation.step, is_open(session), tier_in_azure(azure)) == ("await_consent", True, ["GeneralPurpose"])
    assert operation.choices["run"]["phase"] == "WaitingForCutover"
    consent(operation, actor="owner")
    assert ended(azure, operation).state == Operation.State.SUCCEEDED
    assert tier_in_azure(azure) == ["Hyperscale"]
    told = AuditEvent.objects.get(action="operation.consented")
    assert (told.actor, told.operation_id) == ("owner", operation.pk)


def test_consent_may_be_given_before_it_is_ready_and_again(azure: LocalAzure, workspace: Workspace):
    operation = begin(a_ready_database(azure, workspace=workspace), ConversionWish(Cutover.CONSENT))
    consent(operation, actor="owner")
    consent(operation, actor="somebody else")
    assert ended(azure, operation).state == Operation.State.SUCCEEDED
    assert AuditEvent.objects.filter(action="operation.consented").count() == 1
    with pytest.raises(NoConsentNeeded):
        consent(operation, actor="owner")


def test_without_consent_for_a_day_nothing_has_changed(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    session, before = azure.session(published(azure, database)), rooms()
    operation = begin(database, ConversionWish(Cutover.CONSENT))
    until_step(azure, operation, "await_consent")
    for _ in range(25):
        azure.pass_time(3600)
        work()
    operation.refresh_from_db()
    assert (operation.state, operation.error_code) == ("failed", "CutoverNotPerformed")
    database.refresh_from_db()
    assert (database.status, database.service_tier, database.converted_at) == (Status.READY, "GeneralPurpose", None)
    assert (rooms(), is_open(session), tier_in_azure(azure)) == (before, True, ["GeneralPurpose"])


def test_a_switch_that_somebody_made_in_azure_is_taken_as_made(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    operation = begin(database, ConversionWish(Cutover.CONSENT))
    until_step(azure, operation, "await_consent")
    cut_over_by_hand(azure)
    azure.pass_time(700)
    assert ended(azure, operation).state == Operation.State.SUCCEEDED
    database.refresh_from_db()
    assert database.service_tier == "Hyperscale"


def cut_over_by_hand(azure: LocalAzure) -> None:
    from tests.simulator.builders import ask

    path = azure.resources("databases")[0].id
    assert ask(azure.azure, "PATCH", path, {"properties": {"performCutover": True}}).status == 202


@pytest.mark.parametrize("step", ["await_copy", "await_consent"])
def test_a_cancel_takes_it_back_in_azure_too(azure: LocalAzure, workspace: Workspace, step: str):
    database = a_ready_database(azure, workspace=workspace)
    session, before = azure.session(published(azure, database)), rooms()
    operation = begin(database, ConversionWish(Cutover.CONSENT))
    until_step(azure, operation, step)
    cancel(operation, actor="owner")
    cancel(operation, actor="owner")
    assert ended(azure, operation).state == Operation.State.CANCELLED
    database.refresh_from_db()
    assert (database.status, database.service_tier) == (Status.READY, "GeneralPurpose")
    assert (rooms(), is_open(session), tier_in_azure(azure)) == (before, True, ["GeneralPurpose"])
    assert azure.azure.arm.operations.all_running() == []


def test_a_cancel_after_the_switch_is_refused(azure: LocalAzure, workspace: Workspace):
    operation = begin(a_ready_database(azure, workspace=workspace))
    until_step(azure, operation, "await_cutover")
    with pytest.raises(TooLateToCancel):
        cancel(operation, actor="owner")
    assert ended(azure, operation).state == Operation.State.SUCCEEDED


def test_a_removal_stops_it_first(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    operation = begin(database, ConversionWish(Cutover.CONSENT))
    until_step(azure, operation, "await_copy")
    assert database.service is not None
    removal = request_deletion(database.service, actor="tests")
    assert ended(azure, removal).state == Operation.State.SUCCEEDED
    assert ended(azure, operation).state == Operation.State.CANCELLED
    assert (azure.resources("databases"), rooms()[:2]) == ([], (0, 0))


def test_in_memory_tables_are_refused_before_anything_begins(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    resource = azure.resources("databases")[0]
    key = f"{resource.properties['databaseId']}/dbo.hot"
    hot = {"schema": "dbo", "name": "hot", "columns": [["id", "int", None, True, False]], "rows": []}
    azure.azure.store.put("sql_tables", key, {**hot, "memory_optimized": True})
    effects, before = len(azure.effects()), rooms()
    operation = ended(azure, begin(database))
    assert (operation.state, operation.error_code) == ("failed", "MemoryOptimizedObjects")
    assert "hot" in operation.error_message
    database.refresh_from_db()
    assert (database.status, rooms(), len(azure.effects())) == (Status.READY, before, effects)


def test_a_server_without_room_refuses_it_before_anything_begins(azure: LocalAzure, workspace: Workspace, settings):
    database = a_ready_database(azure, workspace=workspace)
    settings.SERVER_VCORES = 10
    effects = len(azure.effects())
    operation = ended(azure, begin(database))
    assert (operation.state, operation.error_code) == ("failed", "NoRoomOnServer")
    assert len(azure.effects()) == effects


def test_what_azure_fails_at_for_a_while_is_tried_again(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    rule = FaultRule(FaultKind.FAILED_OPERATION, service="arm", method="PATCH", code="InternalServerError")
    azure.azure.faults.add(rule)
    assert ended(azure, begin(database)).state == Operation.State.SUCCEEDED


def test_what_azure_refuses_for_good_leaves_the_database_as_it_was(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    code, before = "TierChangeUnsupportedDueToCDCEnabledDatabase", rooms()
    azure.azure.faults.add(FaultRule(FaultKind.FAILED_OPERATION, service="arm", method="PATCH", code=code))
    operation = ended(azure, begin(database))
    assert (operation.state, operation.error_code) == ("failed", code)
    database.refresh_from_db()
    assert (database.status, rooms(), can_sign_in(published(azure, database))) == (Status.READY, before, True)


def test_repeating_the_wish_gives_the_conversion_that_runs(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    operation = begin(database)
    assert begin(database) == operation
    assert ended(azure, operation).state == Operation.State.SUCCEEDED
    database.refresh_from_db()
    with pytest.raises(ChangeNotSupported):
        begin(database)


def test_a_busy_database_and_a_smaller_size_are_refused(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    with pytest.raises(SizeNotSupported):
        begin(database, ConversionWish(size_bytes=GIB))
    assert database.service is not None
    request_deletion(database.service, actor="tests")
    with pytest.raises(OperationInProgress):
        begin(database)


def test_progress_is_told_by_phase_with_an_expected_end(azure: LocalAzure, workspace: Workspace):
    operation = begin(a_ready_database(azure, workspace=workspace))
    until_step(azure, operation, "await_copy")
    seen: list[tuple[str, int]] = []
    while operation.step == "await_copy":
        azure.pass_time(10)
        work()
        operation.refresh_from_db()
        if told := operation.choices.get("run"):
            seen.append((told["phase"], told["percent"]))
            assert told["expected_end_at"] > (clock.database_now() - timedelta(minutes=2)).isoformat()
    phases = list(dict.fromkeys(phase for phase, _ in seen))
    assert phases[0] in ("LogTransitionInProgress", "Copying")
    assert phases[-1] == "WaitingForCutover"
    assert [percent for _, percent in seen] == sorted(percent for _, percent in seen)


@pytest.mark.parametrize(
    "other", [ConversionWish(Cutover.CONSENT), ConversionWish(Cutover.AUTOMATIC, 8 * TIB)], ids=["moment", "size"]
)
def test_another_wish_is_not_answered_by_the_one_that_runs(
    azure: LocalAzure, workspace: Workspace, other: ConversionWish
):
    database = a_ready_database(azure, workspace=workspace)
    running = begin(database)
    assert begin(database) == running
    with pytest.raises(OperationInProgress) as refused:
        begin(database, other)
    assert refused.value.operation == running


def test_who_has_been_cancelled_waits_for_no_consent(azure: LocalAzure, workspace: Workspace):
    operation = begin(a_ready_database(azure, workspace=workspace), ConversionWish(Cutover.CONSENT))
    until_step(azure, operation, "await_consent")
    cancel(operation, actor="owner")
    with pytest.raises(NoConsentNeeded):
        consent(operation, actor="another")
    assert ended(azure, operation).state == Operation.State.CANCELLED

"""A restore of a service that stands replaces what its consumers use: it is agreed to before, and switches in their window."""

from __future__ import annotations

from datetime import datetime

import pytest

from inventory.models import Database, Workspace
from operations import clock
from operations.models import Operation, OutboxEvent
from operations.services import cancel
from provisioning.changes.consent import ACCEPTED, UNTOLD, Consent, DisruptionNotAccepted
from provisioning.changes.plan import Timing
from provisioning.changes.restoring import plan_restoring, restore
from provisioning.restores import RestoreWish
from rotation.services import request_emergency_rotation
from tests.crash import judging
from tests.integration.provisioning.test_restore_database import a_database_with_backups, removed
from tests.local_azure import LocalAzure, run_one_step, run_until_settled
from tests.rotating import can_sign_in, enabled_versions, published, versions_in_use
from tests.waiting import DAY, HOUR, MINUTE, both_clocks, freeze_fleet, open_once, seen, work_a_while


@pytest.fixture
def database(azure: LocalAzure, workspace: Workspace) -> Database:
    return a_database_with_backups(azure, workspace)


def to_half_an_hour_ago() -> RestoreWish:
    return RestoreWish("claims", clock.now() - HOUR / 2)


def begin(workspace: Workspace, consent: Consent = ACCEPTED) -> Operation:
    return restore(workspace, to_half_an_hour_ago(), actor="owner", consent=consent)


def restored_to(azure: LocalAzure, before: Database) -> Database:
    """What consumers read leads to another database, and nothing is left of the restore."""
    after = Database.objects.get(pk=before.pk)
    assert after.azure_name != before.azure_name
    document = published(azure, after)
    assert (document["database"], can_sign_in(document)) == (after.azure_name, True)
    assert enabled_versions(azure, after) == versions_in_use(after)
    assert [*judging.counters(), *judging.left_behind()] == []
    return after


def test_it_is_not_begun_by_who_has_not_seen_its_plan(azure: LocalAzure, workspace: Workspace, database: Database):
    wish = to_half_an_hour_ago()
    with pytest.raises(DisruptionNotAccepted) as refused:
        restore(workspace, wish, actor="owner", consent=UNTOLD)
    plan = refused.value.plan
    assert plan.change is not None
    assert (plan.action, plan.change.disruption.drops, plan.change.disruption.timing) == ("restore", 1, Timing.AT_ONCE)
    assert plan.hash != plan_restoring(workspace, RestoreWish("claims", clock.now() - HOUR), actor="owner").hash
    operation = restore(workspace, wish, actor="owner", consent=Consent(plan.hash))
    assert operation.plan_hash == plan.hash
    assert restore(workspace, wish, actor="owner", consent=UNTOLD) == operation, "it runs already"
    run_until_settled(azure, seconds=60)
    restored_to(azure, database)


def test_a_deleted_service_comes_back_without_consent_and_window(
    azure: LocalAzure, workspace: Workspace, database: Database
):
    removed(azure, database)
    freeze_fleet(30 * DAY)
    operation = restore(workspace, RestoreWish("claims"), actor="owner", consent=UNTOLD)
    run_until_settled(azure, seconds=60)
    assert seen(operation).state == "succeeded"


def test_it_is_restored_at_once_and_switched_to_in_the_window(
    azure: LocalAzure, workspace: Workspace, database: Database
):
    opening = open_once(workspace, 2 * DAY)
    plan = plan_restoring(workspace, to_half_an_hour_ago(), actor="owner")
    assert plan.change is not None
    assert plan.change.disruption.when == f"from {opening:%Y-%m-%d %H:%M} UTC"
    operation, document = begin(workspace), published(azure, database)
    work_a_while(azure, rounds=60, seconds=30)
    assert (seen(operation).step, operation.waits_on, operation.locks.exists()) == (
        "await_window",
        "window:cigna",
        False,
    )
    assert (published(azure, database), len(azure.resources("databases"))) == (document, 2)
    request_emergency_rotation(database, actor="owner", reason="A laptop was lost.")
    both_clocks(azure, HOUR)
    run_some_hours(azure, 60)
    assert seen(operation).state == "succeeded"
    assert restored_to(azure, database).ready_at >= opening
    assert not can_sign_in(document)
    told = set(OutboxEvent.objects.filter(workspace="cigna").values_list("kind", flat=True))
    assert {"change.scheduled", "change.started"} <= told


def test_one_whose_workers_were_away_until_its_window_had_passed_waits_for_the_next(
    azure: LocalAzure, workspace: Workspace, database: Database
):
    opening = open_once(workspace, 2 * HOUR)
    operation = begin(workspace)
    work_a_while(azure, rounds=40, seconds=30)
    assert seen(operation).step == "await_window"
    while clock.now() < opening:
        both_clocks(azure, 10 * MINUTE)
    while seen(operation).step != "publish_secret":
        if not run_one_step():
            azure.pass_time(30)
    document = published(azure, database)
    both_clocks(azure, 5 * HOUR)
    work_a_while(azure, rounds=20)
    assert (seen(operation).step, published(azure, database)) == ("await_window", document)
    run_some_hours(azure, 7 * 24)
    assert seen(operation).state == "succeeded"
    again = datetime.fromisoformat(seen(operation).choices["window"]["opens_at"])
    assert again >= opening + 6 * DAY
    restored_to(azure, database)


def test_a_cancel_while_it_waits_leaves_all_as_it_was(azure: LocalAzure, workspace: Workspace, database: Database):
    freeze_fleet(30 * DAY)
    operation, document = begin(workspace), published(azure, database)
    work_a_while(azure, rounds=40, seconds=30)
    assert seen(operation).step == "await_window"
    cancel(operation, actor="owner")
    run_until_settled(azure, seconds=60)
    assert seen(operation).state == "cancelled"
    assert (published(azure, database), can_sign_in(document)) == (document, True)
    assert [one.name for one in azure.resources("databases")] == [database.azure_name]
    assert [*judging.counters(), *judging.left_behind()] == []


def run_some_hours(azure: LocalAzure, hours: int) -> None:
    for _ in range(2 * hours):
        both_clocks(azure, HOUR / 2)
        work_a_while(azure, rounds=1)

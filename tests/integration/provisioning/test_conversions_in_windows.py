"""A conversion copies so late that Azure's hold covers its owner's window, and switches in it; the way back ends in one."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from inventory.models import Database, Workspace
from inventory.states import Status
from operations import clock
from operations.models import AuditEvent, Operation
from provisioning.changes.tiers import plan_conversion, plan_return
from provisioning.conversions import ConversionWish, Cutover, consent
from provisioning.errors import NoConsentNeeded
from provisioning.maintenance import FreezeWish, MaintenanceWish, WindowWish, define_maintenance
from provisioning.returns import request_return
from provisioning.windows import start_now
from tests.integration.provisioning.test_convert import AUTOMATIC, begin, ended, tier_in_azure
from tests.local_azure import LocalAzure, work
from tests.rotating import a_ready_database

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def database(azure: LocalAzure, workspace: Workspace) -> Database:
    return a_ready_database(azure, workspace=workspace)


def opens_in(place: Workspace, wait: timedelta, *, minutes: int = 120) -> datetime:
    """Once a week its owner may be disturbed; the next time is told."""
    at = (clock.now() + wait).astimezone(UTC).replace(second=0, microsecond=0)
    window = WindowWish(at.weekday(), time(at.hour, at.minute), minutes, "UTC")
    define_maintenance(place, MaintenanceWish(frozenset({window})), actor="owner")
    return at


def pass_time(azure: LocalAzure, span: timedelta, *, step: timedelta = HOUR / 4) -> None:
    """For Azure, for leases and for windows alike."""
    for _ in range(int(span / step)):
        azure.pass_time(step.total_seconds())
        clock.advance(step, business=True)
        work()


def seen(operation: Operation) -> Operation:
    operation.refresh_from_db()
    return operation


def service_plan_when(database: Database, wish: ConversionWish) -> str:
    assert database.service is not None
    plan = plan_conversion(database.service, wish, actor="owner")
    assert plan.change is not None
    return plan.change.disruption.when


def test_a_far_window_is_waited_for_before_anything_is_copied(
    azure: LocalAzure, workspace: Workspace, database: Database
):
    opening, effects = opens_in(workspace, 4 * DAY), len(azure.effects())
    assert service_plan_when(database, AUTOMATIC).startswith(f"from {opening:%Y-%m-%d %H:%M} UTC; it is copied from ")
    operation = begin(database)
    work()
    pass_time(azure, 2 * DAY + 12 * HOUR)
    assert (seen(operation).step, operation.state, len(azure.effects())) == ("await_beginning", "running", effects)
    pass_time(azure, DAY)
    assert (seen(operation).step, tier_in_azure(azure)) == ("await_window", ["GeneralPurpose"])
    pass_time(azure, 13 * HOUR)
    assert (seen(operation).state, tier_in_azure(azure)) == ("succeeded", ["Hyperscale"])
    switched = datetime.fromisoformat(operation.choices["cut_over_at"])
    assert opening <= switched < opening + 2 * HOUR


def test_a_window_that_is_near_holds_only_the_switch(azure: LocalAzure, workspace: Workspace, database: Database):
    opening = opens_in(workspace, 6 * HOUR)
    assert service_plan_when(database, AUTOMATIC) == f"from {opening:%Y-%m-%d %H:%M} UTC"
    operation = begin(database)
    work()
    pass_time(azure, 5 * HOUR)
    assert (seen(operation).step, tier_in_azure(azure)) == ("await_window", ["GeneralPurpose"])
    pass_time(azure, 2 * HOUR)
    assert seen(operation).state == "succeeded"


@pytest.mark.parametrize("wish", [AUTOMATIC, ConversionWish(Cutover.CONSENT)], ids=["automatic", "consent"])
def test_a_word_of_the_owner_overrides_the_window(
    azure: LocalAzure, workspace: Workspace, database: Database, wish: ConversionWish
):
    opens_in(workspace, 3 * DAY)
    operation = begin(database, wish)
    work()
    consent(operation, actor="owner")
    assert ended(azure, operation).state == "succeeded"
    assert AuditEvent.objects.filter(action="window.overridden", operation_id=operation.pk, actor="owner").count() == 1


def test_an_automatic_one_that_waits_for_no_window_needs_no_word(
    azure: LocalAzure, workspace: Workspace, database: Database
):
    operation = begin(database)
    with pytest.raises(NoConsentNeeded):
        consent(operation, actor="owner")


def test_consent_is_not_above_a_freeze_of_the_fleet(azure: LocalAzure, workspace: Workspace, database: Database):
    now = clock.now()
    freeze = FreezeWish(now - HOUR, now + 3 * DAY, "Year's end.")
    define_maintenance(None, MaintenanceWish(freezes=frozenset({freeze})), actor="operator")
    operation = begin(database, ConversionWish(Cutover.CONSENT))
    consent(operation, actor="owner")
    work()
    assert (seen(operation).step, operation.waits_on) == ("await_beginning", "window:cigna")
    start_now(operation, actor="operator", reason="They asked.", over_freezes=True)
    assert ended(azure, operation).state == "succeeded"


def test_windows_taken_away_during_the_hold_leave_it_as_it_was(
    azure: LocalAzure, workspace: Workspace, database: Database
):
    opens_in(workspace, 6 * HOUR)
    operation = begin(database)
    work()
    pass_time(azure, 2 * HOUR)
    opens_in(workspace, 5 * DAY)
    pass_time(azure, 25 * HOUR)
    assert (seen(operation).state, operation.error_code) == ("failed", "CutoverNotPerformed")
    database.refresh_from_db()
    assert (database.status, tier_in_azure(azure)) == (Status.READY, ["GeneralPurpose"])


def test_the_way_back_is_copied_so_that_it_ends_in_a_window(
    azure: LocalAzure, workspace: Workspace, database: Database
):
    assert ended(azure, begin(database)).state == "succeeded"
    opening = opens_in(workspace, 2 * DAY)
    database = Database.objects.select_related("service__workspace").get(pk=database.pk)
    assert database.service is not None
    plan = plan_return(database.service, actor="owner")
    assert plan.change is not None
    assert plan.change.disruption.when.startswith(f"from {opening:%Y-%m-%d %H:%M} UTC; it is copied from ")
    operation = request_return(database.service, actor="owner")
    work()
    pass_time(azure, 2 * DAY - HOUR)
    assert (seen(operation).step, tier_in_azure(azure)) == ("await_beginning", ["Hyperscale"])
    pass_time(azure, 3 * HOUR, step=HOUR / 30)
    assert (seen(operation).state, tier_in_azure(azure)) == ("succeeded", ["GeneralPurpose"])
    began = datetime.fromisoformat(operation.choices["window"]["opens_at"])
    assert opening <= began

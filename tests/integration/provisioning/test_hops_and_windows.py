"""A way in hops, and a drain, say of windows what happens: when connections drop, and when it is all over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest

from inventory.models import Database, ElasticPool, Workspace
from inventory.transitions import Backup, Tier
from operations import clock
from operations.models import Operation
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.forecast import expected_end
from provisioning.changes.plan import Timing
from provisioning.changes.pools import request_drain
from provisioning.changes.tiers import plan_conversion
from provisioning.changes.ways import Wish, plan_way, request_way
from provisioning.conversions import ConversionWish, Cutover
from simulator.http import Request
from tests.kept_states import state_in_azure
from tests.local_azure import LocalAzure, work
from tests.rotating import a_ready_database
from tests.waiting import DAY, HOUR, MINUTE, both_clocks, open_once, seen, work_a_while

INTO_ZONES = Wish(zone_redundant=True)


def filled(azure: LocalAzure, database: Database, *, gigabytes: float) -> None:
    body = orjson.dumps({"database": database.observed_arm_id, "storage_gb": gigabytes})
    answer = azure.azure.handle(Request("POST", "localhost", 8443, "/_sim/workload", {}, {}, body))
    assert answer.status == 201, answer.body


def switched_at(azure: LocalAzure, database: Database, *, hours: int) -> Any:
    """When Azure showed it in another pool; None: not within so many hours."""
    before = state_in_azure(azure, database)[1]
    for _ in range(hours * 60):
        work()
        both_clocks(azure, MINUTE)
        if state_in_azure(azure, database)[1] != before:
            return clock.now()
    return None


def disruption(plan: Any) -> Any:
    assert plan.change is not None, plan.refusals
    return plan.change.disruption


def test_backups_that_are_moved_for_days_need_no_window_of_days(azure: LocalAzure, workspace: Workspace) -> None:
    database = a_ready_database(azure, workspace=workspace)
    open_once(workspace, 5 * HOUR, minutes=180)
    wish = Wish(zone_redundant=True, backup=Backup.ZONE)
    assert disruption(plan_way(database.service, wish, actor="owner")).timing == Timing.WINDOW


def test_what_is_copied_online_needs_a_window_for_its_switch_alone(azure: LocalAzure, workspace: Workspace) -> None:
    database = a_ready_database(azure, workspace=workspace)
    open_once(workspace, 5 * HOUR, minutes=60)
    one = plan_conversion(database.service, ConversionWish(Cutover.AUTOMATIC), actor="owner")
    way = plan_way(database.service, Wish(tier=Tier.HYPERSCALE), actor="owner")
    assert (disruption(way).timing, disruption(way).when) == (disruption(one).timing, disruption(one).when)


def test_a_window_that_is_too_short_for_a_switch_is_never(azure: LocalAzure, workspace: Workspace) -> None:
    database = a_ready_database(azure, workspace=workspace)
    open_once(workspace, 5 * HOUR, minutes=1)
    assert disruption(plan_way(database.service, Wish(tier=Tier.HYPERSCALE), actor="owner")).timing == Timing.NEVER


@pytest.mark.parametrize(("gigabytes", "minutes"), [(0.0, 30), (90.0, 30), (90.0, 240)])
def test_a_move_into_zones_is_over_in_its_window(
    azure: LocalAzure, workspace: Workspace, settings, gigabytes: float, minutes: int
) -> None:
    settings.COPY_SECONDS_PER_GB = 30.0  # the rate that is seen here
    database = a_ready_database(azure, workspace=workspace)
    if gigabytes:
        filled(azure, database, gigabytes=gigabytes)
    opens = open_once(workspace, 3 * HOUR, minutes=minutes)
    operation = request_way(database.service, INTO_ZONES, actor="owner", consent=ACCEPTED)
    at = switched_at(azure, database, hours=8)
    assert at is not None, (seen(operation).step, operation.waits_why)
    assert opens <= at <= opens + minutes * MINUTE + MINUTE


def test_other_moves_copy_nothing_and_look_into_nothing(azure: LocalAzure, workspace: Workspace) -> None:
    database = a_ready_database(azure, workspace=workspace)
    filled(azure, database, gigabytes=90.0)
    pool = ElasticPool.objects.select_related("server").get()
    request_drain(pool, actor="operator", reason="retired", consent=ACCEPTED)
    work_a_while(azure)
    move = Operation.objects.get(kind="move_database")
    assert (move.state, "expected_seconds" in move.choices) == (Operation.State.SUCCEEDED, False)


def test_the_expected_end_of_a_way_minds_its_hops_window(azure: LocalAzure, workspace: Workspace) -> None:
    database = a_ready_database(azure, workspace=workspace)
    opens = open_once(workspace, 5 * DAY)
    operation = request_way(database.service, INTO_ZONES, actor="owner", consent=ACCEPTED)
    work_a_while(azure)
    end = expected_end(seen(operation))
    assert end is not None
    assert opens <= end <= opens + 4 * HOUR


def test_the_expected_end_of_a_drain_minds_windows(azure: LocalAzure, workspace: Workspace) -> None:
    a_ready_database(azure, workspace=workspace)
    pool = ElasticPool.objects.select_related("server").get()
    opens = open_once(workspace, 5 * DAY)
    operation = request_drain(pool, actor="operator", reason="retired", consent=ACCEPTED)
    work_a_while(azure)
    end = expected_end(seen(operation))
    assert end is not None
    assert opens <= end <= opens + timedelta(hours=1)

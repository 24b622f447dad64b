"""A cancel at any moment of a conversion, or of the way back, leaves rows and Azure saying the same."""

from __future__ import annotations

import pytest

from inventory.models import Database, Workspace
from inventory.transitions import Home, Tier
from operations.errors import TooLateToCancel
from operations.services import cancel
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.ways import Wish, request_way
from tests.crash import judging
from tests.integration.provisioning.test_convert import begin, tier_in_azure
from tests.integration.provisioning.test_convert_back import go_back
from tests.integration.provisioning.test_convert_into_pool import a_hyperscale_pool
from tests.local_azure import LocalAzure, run_one_step, run_until_settled
from tests.rotating import a_ready_database, can_sign_in, published
from tests.waiting import DAY, freeze_fleet, seen, work_a_while


def faults() -> list[str]:
    return [*judging.counters(), *judging.left_behind(), *judging.told_once()]


def test_a_cancel_after_a_switch_that_missed_its_window_leaves_it_as_it_was(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    operation = begin(database)
    while seen(operation).step != "perform_cutover":
        if not run_one_step():
            azure.pass_time(5)
    freeze_fleet(5 * DAY)
    work_a_while(azure, rounds=5)
    assert seen(operation).step == "await_window"
    cancel(operation, actor="tests")
    run_until_settled(azure, seconds=60)
    database.refresh_from_db()
    assert (seen(operation).state, database.status, tier_in_azure(azure)) == ("cancelled", "ready", ["GeneralPurpose"])
    assert faults() == []


@pytest.mark.parametrize("steps", range(1, 26, 4))
def test_a_cancel_of_the_way_out_of_a_pool_at_any_moment(azure: LocalAzure, workspace: Workspace, steps: int):
    database = a_ready_database(azure, workspace=workspace)
    a_hyperscale_pool(azure, database)
    assert database.service is not None
    request_way(database.service, Wish(tier=Tier.HYPERSCALE, home=Home.POOL), actor="tests", consent=ACCEPTED)
    run_until_settled(azure, seconds=60)
    back = go_back(Database.objects.select_related("service__workspace").get(pk=database.pk))
    for _ in range(steps):
        while not run_one_step():
            azure.pass_time(20)
    try:
        cancel(back, actor="tests")
    except TooLateToCancel:
        assert seen(back).step in ("start_join", "await_join", "verify_login")
    run_until_settled(azure, seconds=60)
    database.refresh_from_db()
    assert (database.status, faults()) == ("ready", [])
    assert tier_in_azure(azure) == [database.service_tier]
    assert can_sign_in(published(azure, database))

"""A service, or its whole workspace, is removed while something else is done to it: both end, and nothing is left."""

from __future__ import annotations

import pytest

from inventory.models import Workspace
from inventory.transitions import Backup
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.pools import request_move
from provisioning.changes.ways import Wish, request_way
from provisioning.services import request_deletion
from provisioning.workspaces import request_removal
from tests.integration.provisioning.test_cancels_of_conversions import faults
from tests.integration.provisioning.test_convert import begin
from tests.local_azure import LocalAzure, run_one_step, run_until_settled, work
from tests.rotating import a_ready_database
from tests.waiting import DAY, open_once, seen, work_a_while


@pytest.mark.parametrize("steps", [0, 1, 3, 8, 20])
def test_a_service_is_removed_while_it_goes_a_way_of_two_hops(azure: LocalAzure, workspace: Workspace, steps: int):
    database = a_ready_database(azure, workspace=workspace)
    assert database.service is not None
    wish = Wish(zone_redundant=True, backup=Backup.ZONE)
    way = request_way(database.service, wish, actor="tests", consent=ACCEPTED)
    assert way is not None
    for _ in range(steps):
        if not run_one_step():
            work()
            azure.pass_time(20)
    request_deletion(database.service, actor="tests")
    run_until_settled(azure, seconds=120)
    database.refresh_from_db()
    assert (database.status, seen(way).state, faults()) == ("deleted", "cancelled", [])
    assert azure.resources("databases") == []


@pytest.mark.parametrize("change", ["move", "conversion"])
def test_a_workspace_is_removed_while_a_change_waits_for_a_far_window(
    azure: LocalAzure, workspace: Workspace, change: str
):
    database = a_ready_database(azure, workspace=workspace)
    open_once(workspace, 5 * DAY)
    if change == "move":
        operation = request_move(database, actor="tests", reason="tests", consent=ACCEPTED)
    else:
        operation = begin(database)
    work_a_while(azure)
    assert seen(operation).waits_on.startswith("window:")
    gone = request_removal(workspace, actor="tests")
    run_until_settled(azure, seconds=120)
    assert (seen(operation).state, seen(gone).state, faults()) == ("cancelled", "succeeded", [])

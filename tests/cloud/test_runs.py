"""A conversion as Azure's own operations tell it, held and let go, and what is inside a database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloud.changes import DatabaseChange, PoolChange
from cloud.errors import Missing, Rejected
from cloud.protocols import ServerRef, Sku, SqlManagement
from cloud.running import DatabaseRun, Phase, RunState
from simulator.azure import Azure
from tests.cloud.builders import POOLED, a_pool, a_server, finish

HYPERSCALE = Sku("HS_Gen5", "Hyperscale", "Gen5", 2)


def a_held_conversion(azure: Azure, arm: SqlManagement) -> ServerRef:
    server = a_pool(azure, a_server(azure))
    finish(azure, arm.begin_create_database(server, "d-1", POOLED))
    arm.begin_update_database(server, "d-1", DatabaseChange(sku=HYPERSCALE, manual_cutover=True))
    return server


def the_run(arm: SqlManagement, server: ServerRef) -> DatabaseRun:
    return arm.list_runs(server, "d-1")[-1]


def wait_for(azure: Azure, arm: SqlManagement, server: ServerRef, phase: Phase) -> None:
    for _ in range(1000):
        if the_run(arm, server).phase == phase:
            return
        azure.clock.advance(timedelta(seconds=5))
    raise AssertionError(the_run(arm, server))


def test_a_held_conversion_waits_and_is_let_go(azure: Azure, arm: SqlManagement):
    server = a_held_conversion(azure, arm)
    run = the_run(arm, server)
    assert (run.state, run.phase, run.percent, run.can_be_cancelled) == (RunState.RUNNING, Phase.LOG, 0, True)
    wait_for(azure, arm, server, Phase.WAITING)
    arm.begin_update_database(server, "d-1", DatabaseChange(perform_cutover=True))
    azure.clock.advance(timedelta(minutes=1))
    seen = arm.get_database(server, "d-1")
    assert seen is not None
    assert (seen.sku.tier, seen.pool_name, the_run(arm, server).state) == ("Hyperscale", None, RunState.SUCCEEDED)


def test_the_run_has_the_id_of_the_request_that_began_it(azure: Azure, arm: SqlManagement):
    server = a_pool(azure, a_server(azure))
    finish(azure, arm.begin_create_database(server, "d-1", POOLED))
    accepted = arm.begin_update_database(server, "d-1", DatabaseChange(sku=HYPERSCALE))
    assert the_run(arm, server).id == accepted.request_id


def test_a_conversion_is_stopped_and_a_second_stop_refused(azure: Azure, arm: SqlManagement):
    server = a_held_conversion(azure, arm)
    arm.cancel_run(server, "d-1", the_run(arm, server).id)
    assert the_run(arm, server).state is RunState.CANCELLING
    azure.clock.advance(timedelta(minutes=1))
    assert the_run(arm, server).state is RunState.CANCELLED
    with pytest.raises(Rejected) as refused:
        arm.cancel_run(server, "d-1", the_run(arm, server).id)
    assert refused.value.code == "CannotCancelOperation"


def test_a_database_that_is_not_there_has_no_empty_list_of_runs(azure: Azure, arm: SqlManagement):
    with pytest.raises(Missing):
        arm.list_runs(a_server(azure), "d-none")


def test_a_pool_tells_what_is_done_to_it_and_how_it_ended(azure: Azure, arm: SqlManagement):
    server = a_pool(azure, a_server(azure))
    assert arm.list_pool_runs(server, "p-1") == []
    accepted = arm.begin_update_pool(server, "p-1", PoolChange(sku=Sku("GP_Gen5", "GeneralPurpose", "Gen5", 4)))
    run = arm.list_pool_runs(server, "p-1")[-1]
    assert (run.id, run.state, run.phase, run.can_be_cancelled) == (accepted.request_id, RunState.RUNNING, "", False)
    finish(azure, accepted)
    assert arm.list_pool_runs(server, "p-1")[-1].state is RunState.SUCCEEDED
    with pytest.raises(Missing):
        arm.list_pool_runs(server, "p-none")

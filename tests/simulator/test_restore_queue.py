"""Four restores into one pool are worked on at a time; the fifth waits for its turn."""

from __future__ import annotations

from datetime import timedelta

from simulator.arm.origins import RESTORE_SECONDS
from simulator.arm.versions import FIRST_BACKUP_SECONDS
from simulator.azure import Azure
from simulator.moments import iso
from tests.simulator.builders import a_database, a_pool, a_server, ask, settle, whole_id

AT_ONCE = 4


def restores_take(azure: Azure, number: int, *, pool: str | None) -> list[float]:
    """So many restores asked for at one moment: the seconds that each takes."""
    server = a_server(azure)
    source = a_database(azure, server, pool=pool)
    azure.clock.advance(timedelta(seconds=FIRST_BACKUP_SECONDS + 60))
    moment = iso(azure.clock.now() - 1)
    properties = {"createMode": "PointInTimeRestore", "sourceDatabaseId": whole_id(azure, source)}
    for place in range(number):
        wish = {"location": "eastus", "properties": {**properties, "restorePointInTime": moment}}
        assert ask(azure, "PUT", f"{server}/databases/r{place}", wish).status == 202
    seconds = [one.due - one.started for one in azure.arm.operations.all_running() if one.due]
    settle(azure)
    return seconds


def test_the_fifth_restore_into_a_pool_waits_its_turn(azure):
    seconds = restores_take(azure, AT_ONCE + 1, pool=a_pool(azure, a_server(azure)))
    assert max(seconds[:AT_ONCE]) <= RESTORE_SECONDS[1] + 60
    assert seconds[AT_ONCE] >= 2 * RESTORE_SECONDS[0]


def test_outside_pools_a_subscription_takes_thirty_at_a_time(azure):
    azure.arm.quotas.restores_processed = 2
    seconds = restores_take(azure, 3, pool=None)
    assert max(seconds[:2]) <= RESTORE_SECONDS[1] + 60
    assert seconds[2] >= 2 * RESTORE_SECONDS[0]

"""A real worker is stopped with its request in hand, and goes on after others have finished: what lands late is found."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from inventory.models import Database, ServiceInstance
from inventory.states import Status
from provisioning.drift.orphans import request_removal
from provisioning.models import Finding
from provisioning.services import request_deletion
from tests.faults.burst import answer_of, wait_until
from tests.faults.fleet import PATIENCE_SECONDS, Fleet, zombies
from tests.faults.orders import Order

FOUND_WITHIN_SECONDS = 120.0
WORKSPACES = 3  # of the fleet, in turn


@pytest.mark.full
def test_a_database_that_a_stopped_worker_resurrects_is_found_and_goes_by_an_operators_word(fleet: Fleet):
    fleet.wish(WORKSPACES)  # so that the next one finds its server and pool, and they go on standing
    fleet.wait(seconds=PATIENCE_SECONDS)
    late_put(fleet, meanwhile=lambda: delete_newest(fleet))
    database = Database.objects.latest("created_at")
    assert database.status == Status.DELETED
    assert wait_until(lambda: database.azure_name in names(fleet), seconds=60), "the late PUT never landed"
    assert wait_until(lambda: open_findings("orphaned") == 1, seconds=FOUND_WITHIN_SECONDS)
    finding = Finding.objects.get(kind="orphaned")
    assert finding.name == database.azure_name
    request_removal(finding, actor="operator", reason="Made again by a late request of ours.")
    fleet.wait(seconds=PATIENCE_SECONDS)
    assert database.azure_name not in names(fleet)
    assert wait_until(lambda: open_findings("orphaned") == 0, seconds=FOUND_WITHIN_SECONDS)


def late_put(fleet: Fleet, *, meanwhile: Callable[[], None]) -> None:
    """One more database; the worker about to PUT it is stopped until others have created it and `meanwhile` is over."""
    before = zombies()
    with fleet.another("worker-advance"):
        fleet.wish(1)
        pid = fleet.obeyed(Order("act.before", signal.SIGSTOP, step="start_create"))
        try:
            fleet.wait(seconds=PATIENCE_SECONDS)
            meanwhile()
        finally:
            os.kill(pid, signal.SIGCONT)
        assert wait_until(lambda: zombies() > before, seconds=60), "its record was not refused"


def delete_newest(fleet: Fleet) -> None:
    request_deletion(ServiceInstance.objects.latest("created_at"), actor="tests")
    fleet.wait(seconds=PATIENCE_SECONDS)


def names(fleet: Fleet) -> list[str]:
    return [one["name"] for one in fleet.books()["resources"] if one["type"].endswith("/databases")]


def open_findings(kind: str) -> int:
    standing = (Finding.State.OPEN, Finding.State.REPAIRING)
    return answer_of(lambda: Finding.objects.filter(kind=kind, state__in=standing).count())

"""Each real fault by itself: afterwards every operation has ended once, each has had its effect once, and it took so long."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable

import pytest

from operations.workflow import Mode
from provisioning.workflows.create_database import CREATE_DATABASE
from tests.databases import ROOT
from tests.faults.fleet import Fleet
from tests.faults.judging import everything_wrong
from tests.faults.orders import Order
from tests.faults.test_deliveries import POINTS

WISHES = 3
Property = Callable[[str, object], None]
FAILPOINTS = (
    *("claim.before", "claim.after", "act.before", "act.after", "record.before", "record.after"),
    *("hint.before", "observe.listing", "observe.recorded"),
)
ON_FAULT_ONLY = ("examine_create",)
ACTING = [step.name for step in CREATE_DATABASE.steps if step.mode is Mode.ACTS and step.name not in ON_FAULT_ONLY]
BLOWS = ("flush_broker", "freeze_broker", "lose_broker", "restart_database")
full = pytest.mark.full


def test_every_failpoint_is_struck():
    sources = [path for path in ROOT.glob("*/**/*.py") if path.parts[len(ROOT.parts)] not in ("tests", ".venv")]
    found = {name for path in sources for name in re.findall(r"\bhit\(\"([a-z.]+)\"\)", path.read_text())}
    assert found == {*FAILPOINTS, *POINTS}


@full
@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_a_worker_killed_at_a_failpoint_loses_and_doubles_nothing(fleet: Fleet, failpoint: str, record_property):
    judge(fleet, Order(failpoint), record_property)


@full
@pytest.mark.parametrize("failpoint", ["act.before", "act.after"])
@pytest.mark.parametrize("step", ACTING)
def test_a_worker_killed_around_an_act_loses_and_doubles_nothing(
    fleet: Fleet, step: str, failpoint: str, record_property
):
    judge(fleet, Order(failpoint, step=step), record_property)


def judge(fleet: Fleet, order: Order, record_property: Property) -> None:
    record_property("recovery", [fleet.survives(order.name, lambda: fleet.kill_at(order), wishes=WISHES)])
    assert everything_wrong(fleet) == []


@full
@pytest.mark.parametrize("step", ["start_create", "create_user"])
def test_a_worker_that_went_on_after_others_did_its_work_changes_nothing(fleet: Fleet, step: str, record_property):
    order = Order("act.after", signal.SIGSTOP, step=step)
    fleet.wish(WISHES)
    assert fleet.outlive(order) >= 1, "what it came to record was refused"
    record_property("recovery", fleet.recoveries)
    assert everything_wrong(fleet) == []


@full
@pytest.mark.parametrize("blow", BLOWS)
def test_a_broker_or_database_that_went_away_changes_nothing(fleet: Fleet, blow: str, record_property):
    record_property("recovery", [fleet.survives(blow, getattr(fleet, blow), wishes=2 * WISHES)])
    assert everything_wrong(fleet) == []


@full
def test_of_two_beats_one_takes_over_when_the_other_dies(fleet: Fleet, record_property):
    with fleet.another("beat"):
        told = fleet.survives("leading beat killed", fleet.kill_leading_beat, wishes=WISHES)
        fleet.stack.restart("beat")
    record_property("recovery", [told])
    assert everything_wrong(fleet) == []

"""A disruptive step waits for its window, and costs nothing meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import transaction

from inventory.models import Workspace
from operations import clock, engine, workflow
from operations.models import AuditEvent, Operation, OutboxEvent, StepRun
from operations.outcomes import Next, Outcome
from operations.services import submit
from operations.workflow import Workflow, decides, looks
from provisioning.errors import NotWaitingForWindow
from provisioning.maintenance import FreezeWish, MaintenanceWish, WindowWish, define_maintenance
from provisioning.windows import start_now, wait_for_window
from tests.builders import a_workspace

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
State = Operation.State


@pytest.fixture
def done(committed_db: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A workflow `disturb` that takes half an hour within its window; what it did."""
    effects: list[str] = []

    @decides
    def await_window(operation: Operation) -> Outcome:
        return wait_for_window(operation, expected_seconds=1800)

    @looks
    def disturb(operation: Operation) -> Outcome:
        effects.append(operation.choices["window"]["opens_at"])
        return Next()

    steps = (await_window, disturb)
    disturbing = Workflow("disturb", steps, lambda operation, ending: None, "disturb", deadline=4 * HOUR)
    monkeypatch.setitem(workflow._registry, "disturb", disturbing)
    return effects


def a_change(place: Workspace, **wish: object) -> Operation:
    with transaction.atomic():
        return submit("disturb", target="database:1", actor="owner", workspace=place.name, wish=wish)


def opens_in(wait: timedelta, *, minutes: int = 60) -> MaintenanceWish:
    at = (clock.now() + wait).astimezone(UTC)
    return MaintenanceWish(frozenset({WindowWish(at.weekday(), time(at.hour, at.minute, at.second), minutes, "UTC")}))


def a_freeze(days: int) -> MaintenanceWish:
    now = clock.now()
    return MaintenanceWish(freezes=frozenset({FreezeWish(now - HOUR, now + days * DAY, "Year's end.")}))


def run() -> None:
    while engine.advance_due():
        pass


def pass_time(span: timedelta) -> None:
    clock.advance(span)
    clock.advance(span, business=True)
    run()


def state_of(operation: Operation) -> Operation:
    operation.refresh_from_db()
    return operation


def told() -> list[str]:
    return [event.kind for event in OutboxEvent.objects.order_by("sequence")]


def test_without_windows_it_begins_at_once_and_says_so(done: list[str]):
    operation = a_change(a_workspace())
    run()
    assert state_of(operation).state == State.SUCCEEDED
    assert told() == ["change.started", "operation.succeeded"]


def test_it_waits_for_days_without_attention_and_begins_inside_the_window(done: list[str]):
    place = a_workspace()
    opening = clock.now() + 3 * DAY
    define_maintenance(place, opens_in(3 * DAY), actor="owner")
    operation = a_change(place)
    run()
    assert state_of(operation).waits_why.startswith("Waits for its window")
    for step in (*[HOUR] * 71, *[HOUR / 8] * 12):
        pass_time(step)
    assert state_of(operation).state == State.SUCCEEDED
    assert len(done) == 1
    assert timedelta(0) <= datetime.fromisoformat(done[0]) - opening < HOUR / 2
    assert told() == ["change.scheduled", "change.started", "operation.succeeded"]


def test_waiting_costs_a_look_an_hour_and_no_history(done: list[str]):
    place = a_workspace()
    define_maintenance(place, opens_in(2 * DAY), actor="owner")
    operation = a_change(place)
    for _ in range(24 * 2):
        pass_time(HOUR / 2)
    assert state_of(operation).fence <= 30
    assert StepRun.objects.count() == 0


def test_a_window_that_is_nearly_over_is_left_to_others(done: list[str]):
    place = a_workspace()
    define_maintenance(place, opens_in(-40 * timedelta(minutes=1)), actor="owner")
    operation = a_change(place)
    run()
    facts = OutboxEvent.objects.get(kind="change.scheduled").data
    assert datetime.fromisoformat(facts["opens_at"]) - clock.now() > 6 * DAY
    assert state_of(operation).state == State.RUNNING


def test_who_changes_the_window_wakes_those_who_wait(done: list[str]):
    place = a_workspace()
    define_maintenance(None, a_freeze(days=9), actor="operator")
    operation = a_change(place)
    run()
    assert state_of(operation).state == State.RUNNING
    define_maintenance(None, MaintenanceWish(), actor="operator")
    run()
    assert state_of(operation).state == State.SUCCEEDED


def test_a_window_that_moves_is_told_again(done: list[str]):
    place = a_workspace()
    define_maintenance(place, opens_in(3 * DAY), actor="owner")
    a_change(place)
    run()
    define_maintenance(place, opens_in(2 * DAY), actor="owner")
    run()
    assert told() == ["change.scheduled", "change.scheduled"]


def test_a_window_shorter_than_the_work_is_told_and_at_last_a_humans_turn(done: list[str]):
    place = a_workspace()
    define_maintenance(place, opens_in(DAY, minutes=20), actor="owner")
    operation = a_change(place)
    run()
    assert "the longest window has 20" in state_of(operation).waits_why
    assert told() == ["change.window_too_short"]
    for _ in range(6):
        pass_time(HOUR)
    assert state_of(operation).state == State.NEEDS_ATTENTION
    assert "Widen it" in operation.error_message


def test_an_emergency_waits_for_nothing_and_is_audited_with_its_reason(done: list[str]):
    place = a_workspace()
    define_maintenance(place, opens_in(3 * DAY), actor="owner")
    define_maintenance(None, a_freeze(days=9), actor="operator")
    operation = a_change(place, emergency=True, reason="The region is going down.")
    run()
    assert state_of(operation).state == State.SUCCEEDED
    event = AuditEvent.objects.get(action="window.overridden")
    assert (event.actor, event.reason, event.workspace) == ("owner", "The region is going down.", place.name)


def let_go(operation: Operation, *, over_freezes: bool) -> None:
    start_now(operation, actor="owner", reason="We can bear it now.", over_freezes=over_freezes)
    run()


def test_its_owner_may_let_it_start_without_the_window(done: list[str]):
    place = a_workspace()
    define_maintenance(place, opens_in(3 * DAY), actor="owner")
    operation = a_change(place)
    run()
    let_go(operation, over_freezes=False)
    assert state_of(operation).state == State.SUCCEEDED
    assert AuditEvent.objects.get(action="window.overridden").reason == "We can bear it now."


@pytest.mark.parametrize("by", ["owner", "operator"])
def test_a_freeze_of_the_fleet_is_for_operators_to_break(by: str, done: list[str]):
    define_maintenance(None, a_freeze(days=9), actor="operator")
    operation = a_change(a_workspace())
    run()
    let_go(operation, over_freezes=by == "operator")
    assert state_of(operation).state == (State.SUCCEEDED if by == "operator" else State.RUNNING)


def test_what_waits_for_no_window_cannot_be_let_go(done: list[str]):
    operation = a_change(a_workspace())
    run()
    with pytest.raises(NotWaitingForWindow):
        let_go(operation, over_freezes=True)

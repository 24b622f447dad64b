"""Events reach receivers: signed, in order, at least once; one that is dead delays nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from notifications import delivery, dispatch, keeping
from notifications.models import Delivery, Notice, Receiver
from notifications.receivers import pause, replay, resume
from operations import clock, failpoints
from operations.failpoints import Crash
from operations.models import AuditEvent, OutboxEvent
from tests.builders import a_workspace
from tests.local_azure import LocalAzure
from tests.notifying import OWNER, a_webhook_of, deliver, pass_time, told
from tests.receiving import Webhook

HOUR = 3600.0


def failing(status: int, **headers: str):
    return lambda call: (status, headers, b"no")


def test_an_event_arrives_once_as_a_cloudevent(azure: LocalAzure, hook: Webhook):
    place = a_workspace()
    a_webhook_of(azure, place, hook.url)
    event = told(place)
    assert deliver() == 1
    assert deliver() == 0
    [call] = hook.calls
    assert call.headers["content-type"].startswith("application/cloudevents+json")
    assert call.headers["webhook-id"] == call.event["id"] == str(event.pk)
    assert {name: call.event[name] for name in ("specversion", "source", "type", "subject", "sequence")} == {
        "specversion": "1.0",
        "source": "/local/workspaces/cigna",
        "type": "sqlpersistence.change.started",
        "subject": "database:1",
        "sequence": "000000000001",
    }
    assert call.event["data"]["kind"] == "grow_database"


def test_only_what_was_asked_for_is_sent(azure: LocalAzure, hook: Webhook):
    place, other = a_workspace(), a_workspace("optum")
    a_webhook_of(azure, place, hook.url, "change.*")
    told(place, "pool.scaled")
    told(other)
    told(None, "pool.nearly_full")
    told(place, "change.scheduled")
    deliver()
    assert hook.kinds == ["change.scheduled"]


def test_a_receiver_of_the_fleet_hears_of_every_workspace(azure: LocalAzure, hook: Webhook):
    a_webhook_of(azure, None, hook.url)
    told(a_workspace())
    told(None, "pool.nearly_full")
    deliver()
    assert hook.kinds == ["change.started", "pool.nearly_full"]


def test_events_of_one_target_keep_their_order_and_do_not_wait_for_anothers(azure: LocalAzure, hook: Webhook):
    place = a_workspace()
    a_webhook_of(azure, place, hook.url)
    hook.answer = lambda call: (400 if call.event["subject"] == "bad:1" else 204, {}, b"never this one")
    for target in ("bad:1", "good:1", "bad:1", "good:1"):
        told(place, target=target)
    deliver()
    assert [call.event["sequence"][-1] for call in hook.calls] == ["1", "2", "4"]
    hook.answer = lambda call: (204, {}, b"")
    pass_time(10)
    deliver()
    assert [call.event["sequence"][-1] for call in hook.calls][3:] == ["1", "3"]


def test_a_receiver_in_trouble_is_tried_again_ever_less_often(azure: LocalAzure, hook: Webhook):
    place = a_workspace()
    row = a_webhook_of(azure, place, hook.url)
    hook.answer = failing(503)
    for target in ("a:1", "b:1", "c:1"):
        told(place, target=target)
    waits = []
    for _ in range(8):
        assert deliver() == 1
        row.refresh_from_db()
        waits.append((row.due_at - clock.database_now()).total_seconds())
        pass_time(waits[-1] + 1)
    assert all(
        step * 0.9 <= wait <= step * 1.3 for wait, step in zip(waits, (5, 60, 300, 900, 1800, *[3600] * 3), strict=True)
    )
    hook.answer = failing(204)
    assert deliver() == 3
    row.refresh_from_db()
    assert (row.failures, row.failing_since, row.last_error) == (0, None, "")


def test_a_receiver_that_asks_for_a_pause_gets_it(azure: LocalAzure, hook: Webhook):
    place = a_workspace()
    row = a_webhook_of(azure, place, hook.url)
    hook.answer = failing(429, **{"Retry-After": "1000"})
    told(place)
    deliver()
    row.refresh_from_db()
    assert 990 <= (row.due_at - clock.database_now()).total_seconds() <= 1000


def test_a_dead_receiver_delays_nobody(azure: LocalAzure, hook: Webhook, settings):
    settings.NOTIFY_ALLOWED_LOOPBACK = [*settings.NOTIFY_ALLOWED_LOOPBACK, "localhost:9"]
    place = a_workspace()
    dead = a_webhook_of(azure, place, "https://localhost:9/")
    a_webhook_of(azure, place, hook.url)
    for n in range(30):
        told(place, target=f"database:{n}")
    deliver()
    assert len(hook.calls) == 30
    dead.refresh_from_db()
    assert (dead.failures, dead.deliveries.filter(state="pending").count()) == (1, 30)
    assert "NotReached" in dead.last_error


def test_who_answers_gone_is_asked_no_more_and_its_owner_is_told(azure: LocalAzure, hook: Webhook):
    place = a_workspace()
    row = a_webhook_of(azure, place, hook.url)
    hook.answer = failing(410)
    told(place)
    told(place)
    deliver()
    pass_time(100_000)
    assert deliver() == 0
    row.refresh_from_db()
    assert row.state == Receiver.State.GONE
    assert Notice.objects.filter(kind="receiver.gone", workspace=place).count() == 1
    hook.answer = failing(204)
    assert resume(row, actor=OWNER)
    assert deliver() == 2


def test_what_was_tried_for_three_days_is_a_dead_letter_and_can_be_sent_again(azure: LocalAzure, hook: Webhook):
    place = a_workspace()
    row = a_webhook_of(azure, place, hook.url)
    hook.answer = failing(500)
    events = [told(place), told(place)]
    for _ in range(80):
        deliver()
        pass_time(1.3 * HOUR)
    assert [one.state for one in row.deliveries.order_by("number")] == ["dead", "dead"]
    assert Notice.objects.filter(kind="receiver.dead_letters", workspace=place).count() >= 1
    assert Notice.objects.filter(kind="receiver.failing").count() == 1
    hook.calls.clear()
    hook.answer = failing(204)
    assert replay(row, actor="operator", reason="It is back.") == 2
    deliver()
    assert hook.ids == [str(event.pk) for event in events]
    assert AuditEvent.objects.get(action="receiver.replayed").reason == "It is back."


def test_a_paused_receiver_gets_everything_once_it_goes_on(azure: LocalAzure, hook: Webhook):
    place = a_workspace()
    row = a_webhook_of(azure, place, hook.url)
    assert pause(row, actor=OWNER)
    told(place)
    assert deliver() == 0
    assert resume(row, actor=OWNER)
    assert deliver() == 1


def test_a_redirect_is_not_followed(azure: LocalAzure, hook: Webhook):
    place = a_workspace()
    row = a_webhook_of(azure, place, hook.url)
    hook.answer = failing(307, Location="https://localhost:1/")
    told(place)
    deliver()
    assert len(hook.calls) == 1
    assert row.deliveries.get().last_error.startswith("It answered 307")


@pytest.mark.parametrize("point", ["deliver.claimed", "deliver.before", "deliver.sent", "deliver.recorded"])
def test_a_worker_that_dies_loses_nothing_and_changes_no_order(point: str, azure: LocalAzure, hook: Webhook):
    place = a_workspace()
    a_webhook_of(azure, place, hook.url)
    events = [str(told(place).pk) for _ in range(3)]
    crash_at(point)
    with pytest.raises(Crash):
        deliver()
    deliver()
    pass_time(61)
    deliver()
    arrived = list(dict.fromkeys(hook.ids))
    assert arrived == events
    assert len(hook.ids) - len(arrived) <= 1
    assert not Delivery.objects.exclude(state="delivered").exists()


@pytest.mark.parametrize("point", ["dispatch.before", "dispatch.after"])
def test_an_event_is_handed_out_once_wherever_that_is_cut_off(point: str, azure: LocalAzure, hook: Webhook):
    place = a_workspace()
    a_webhook_of(azure, place, hook.url)
    told(place)
    crash_at(point)
    with pytest.raises(Crash):
        dispatch.dispatch()
    deliver()
    assert len(hook.calls) == 1
    assert Notice.objects.count() == 1


def test_a_worker_that_comes_back_late_writes_nothing(azure: LocalAzure, hook: Webhook):
    place = a_workspace()
    a_webhook_of(azure, place, hook.url)
    told(place)
    dispatch.dispatch()
    late = delivery.claim()
    assert late is not None
    assert delivery.claim() is None
    pass_time(61)
    assert deliver() == 1
    row = Delivery.objects.get()
    assert delivery._record(late, row, delivery.Result("rejected", "late")) is False
    row.refresh_from_db()
    assert row.state == "delivered"


def test_old_events_go_but_not_what_was_given_up(azure: LocalAzure, hook: Webhook):
    place = a_workspace()
    a_webhook_of(azure, place, hook.url)
    told(place, target="a:1")
    told(place, target="b:1")
    deliver()
    Delivery.objects.filter(number=2).update(state="dead", ended_at=clock.database_now())
    clock.advance(timedelta(days=91))
    assert keeping.forget_old() == 1
    assert OutboxEvent.objects.get().target == "b:1"


def crash_at(point: str) -> None:
    def listener(hit: str) -> None:
        if hit == point:
            failpoints.listen(None)
            raise Crash(hit)

    failpoints.listen(listener)

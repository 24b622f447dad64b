"""What a slow, paused or wordy receiver may cost others and itself."""

from __future__ import annotations

import socket
import time
from email.utils import formatdate
from typing import Any

import pytest

from notifications import delivery, dispatch, outbound
from notifications.models import Delivery
from notifications.receivers import pause, resume
from tests.builders import a_workspace
from tests.local_azure import LocalAzure
from tests.notifying import OWNER, a_webhook_of, pass_time, told
from tests.receiving import Webhook


def test_a_receiver_that_answers_slowly_holds_up_no_other(azure: LocalAzure, hook: Webhook) -> None:
    slow, quick = a_workspace("slow"), a_workspace("quick")
    a_webhook_of(azure, slow, hook.url)
    a_webhook_of(azure, quick, hook.url)

    def answer(call: Any) -> tuple[int, dict[str, str], bytes]:
        time.sleep(0.5 if "slow" in call.event["source"] else 0)
        return 204, {}, b""

    hook.answer = answer
    for number in range(60):
        told(slow, target=f"database:{number}")
    told(quick)
    dispatch.dispatch()
    for _ in range(3):
        delivery.deliver_due()
    assert any("quick" in call.event["source"] for call in hook.calls)


def test_a_name_that_resolves_slowly_counts_as_part_of_the_attempt(
    azure: LocalAzure, hook: Webhook, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NOTIFY_CALL_SECONDS = 1.0
    place, resolve = a_workspace(), socket.getaddrinfo
    a_webhook_of(azure, place, hook.url)

    def slowly(*arguments: Any, **options: Any) -> Any:
        time.sleep(3.0)
        return resolve(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    told(place)
    dispatch.dispatch()
    began = time.monotonic()
    delivery.deliver_due()
    assert time.monotonic() - began < 2.5


def test_what_a_pause_has_held_is_tried_as_long_as_anything_new(azure: LocalAzure, hook: Webhook) -> None:
    place = a_workspace()
    row = a_webhook_of(azure, place, hook.url)
    pause(row, actor=OWNER)
    for number in range(5):
        told(place, target=f"database:{number}")
    dispatch.dispatch()
    pass_time(4 * 86_400)
    resume(row, actor=OWNER)
    hook.answer = lambda call: (503, {}, b"")
    delivery.deliver_due()
    assert not Delivery.objects.filter(state=Delivery.State.DEAD).exists()


def test_a_pause_may_be_asked_for_in_seconds_or_until_a_moment() -> None:
    assert 3_500 < (outbound._seconds(formatdate(time.time() + 3_600, usegmt=True)) or 0) <= 3_600
    assert outbound._seconds("120") == 120
    assert outbound._seconds("99999999999") == 86_400
    assert outbound._seconds("soon") is None
    assert outbound._seconds("") is None

"""A seeded run of several receivers over days, one of them dead, with workers that die anywhere: what must hold at its end."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from notifications import delivery, dispatch
from notifications.models import Delivery, Receiver
from operations import clock, failpoints
from operations.failpoints import Crash
from simulator.certificates import Certificates
from tests.builders import a_workspace
from tests.local_azure import LocalAzure
from tests.notifying import a_webhook_of, pass_time, settle_down, told
from tests.receiving import Answer, Call, Webhook, a_webhook

TARGETS = ("database:1", "database:2", "pool:1")
POINTS = ("dispatch.before", "dispatch.after", "deliver.claimed", "deliver.before", "deliver.sent", "deliver.recorded")
SEEDS = range(6)


@pytest.fixture
def hooks(certificates: Certificates, trusted: None, settings) -> Iterator[list[Webhook]]:
    with ExitStack() as stack:
        found = [stack.enter_context(a_webhook(certificates)) for _ in range(3)]
        settings.NOTIFY_ALLOWED_LOOPBACK = ["localhost:9", *(f"localhost:{hook.port}" for hook in found)]
        yield found


def unreliable(dice: random.Random, got: list[tuple[int, str]]) -> Callable[[Call], Answer]:
    """Takes nine of ten; some it refuses, and of some that it takes the answer is as good as lost."""

    def answer(call: Call) -> Answer:
        luck = dice.random()
        if luck < 0.08:
            return (503 if luck < 0.05 else 400), {}, b""
        got.append((int(call.event["sequence"]), call.event["subject"]))
        return (500 if luck < 0.1 else 204), {}, b""

    return answer


def work(dice: random.Random) -> None:
    """A worker does what there is, or dies somewhere in it and is missed until its leases end."""
    if dice.random() < 0.3:
        die_at(dice.choice(POINTS), after=dice.randrange(4))
    try:
        dispatch.dispatch()
        delivery.deliver_due()
    except Crash:
        pass_time(61)
    finally:
        failpoints.listen(None)


def die_at(point: str, *, after: int) -> None:
    left = [after]

    def listener(hit: str) -> None:
        if hit == point:
            left[0] -= 1
            if left[0] < 0:
                raise Crash(hit)

    failpoints.listen(listener)


@pytest.mark.parametrize("seed", SEEDS)
def test_everybody_gets_everything_in_order_and_the_dead_one_delays_nobody(
    seed: int, azure: LocalAzure, hooks: list[Webhook]
):
    dice, place = random.Random(seed), a_workspace()
    dead = a_webhook_of(azure, place, "https://localhost:9/")
    living = {a_webhook_of(azure, place, hook.url): hook for hook in hooks}
    settle_down()
    got: dict[Receiver, list[tuple[int, str]]] = {row: [] for row in living}
    for row, hook in living.items():
        hook.answer = unreliable(random.Random(f"{seed} {hook.port}"), got[row])
    began = clock.database_now()
    for _ in range(12):
        for _ in range(dice.randrange(1, 4)):
            told(place, target=dice.choice(TARGETS))
        work(dice)
        pass_time(dice.choice((1, 7, 70)))
    until_nothing_is_pending(dice, list(living))
    assert (clock.database_now() - began).total_seconds() < 12 * 3600
    for row in living:
        everything = set(row.deliveries.values_list("number", flat=True))
        assert {number for number, _ in got[row]} == everything, "at least once"
        for target in TARGETS:
            numbers = [number for number, about in got[row] if about == target]
            assert numbers == sorted(numbers), "in order, repeats beside each other"
    assert dead.deliveries.filter(state="pending").count() == dead.deliveries.count() > 0


def until_nothing_is_pending(dice: random.Random, receivers: list[Receiver]) -> None:
    for _ in range(400):
        dispatch.dispatch()
        if not Delivery.objects.filter(receiver__in=receivers, state="pending").exists():
            return
        work(dice)
        pass_time(120)
    raise AssertionError("something never arrives")


def test_numbers_have_no_gaps_and_are_the_same_order_for_every_receiver(azure: LocalAzure, hooks: list[Webhook]):
    place = a_workspace()
    rows = [a_webhook_of(azure, place, hook.url) for hook in hooks[:2]]
    settle_down()
    for n in range(30):
        told(place, target=TARGETS[n % 3])
    dispatch.dispatch()
    for row in rows:
        numbered = list(row.deliveries.order_by("number").values_list("number", "event__sequence"))
        assert [number for number, _ in numbered] == list(range(1, 31))
        assert [sequence for _, sequence in numbered] == sorted(sequence for _, sequence in numbered)

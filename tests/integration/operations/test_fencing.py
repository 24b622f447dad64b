"""Fence and claim token are two proofs: each alone keeps out a worker whose row is no longer its own."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db.models import F

from operations import engine, failpoints
from operations.models import Operation
from operations.outcomes import Next
from operations.services import submit

from .conftest import World

TAKEN_OVER = {
    "a higher fence": {"fence": F("fence") + 1},
    "another token on the same fence, as after a restore": {"claim_token": uuid4()},
}
by_others = pytest.mark.parametrize("change", TAKEN_OVER.values(), ids=TAKEN_OVER.keys())


@by_others
def test_what_a_worker_did_is_dropped_once_its_row_is_taken_over(world: World, change: dict[str, object]):
    operation = submit("toy", target="thing:1", actor="tests")

    def overtaken(_: Operation) -> Next:
        Operation.objects.filter(pk=operation.pk).update(**change)
        return Next(choices={"by": "the first"})

    world.on_act = overtaken
    engine.advance_due()
    operation.refresh_from_db()
    assert (operation.step, "by" in operation.choices) == ("act", False)


@by_others
def test_a_worker_decides_nothing_once_its_row_is_taken_over(world: World, change: dict[str, object]):
    operation = submit("toy", target="thing:1", actor="tests")
    decided = []
    world.on_decide = lambda _: decided.append("a") or Next()

    def overtaken(place: str) -> None:
        if place == "record.before":
            failpoints.listen(None)
            Operation.objects.filter(pk=operation.pk).update(**change)

    failpoints.listen(overtaken)
    engine.advance_due()
    operation.refresh_from_db()
    assert (operation.step, decided) == ("choose", [])


def test_a_claimed_row_is_nobody_elses_until_its_lease_is_over(world: World):
    submit("toy", target="thing:1", actor="tests")
    acted = []

    def others_look(held: Operation) -> Next:
        acted.append(held.fence)
        if len(acted) == 1:
            engine.advance_due()
        return Next()

    world.on_act = others_look
    engine.advance_due()
    assert len(acted) == 1

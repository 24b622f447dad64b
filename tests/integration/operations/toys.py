"""The toy workflow at work: submitted, run until nothing is due, crashed where a test says."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from operations import clock, engine, failpoints
from operations.failpoints import Crash
from operations.models import Operation
from operations.services import submit

State = Operation.State


def a_toy(target: str = "thing:1", **details: object) -> Operation:
    with transaction.atomic():
        return submit("toy", target=target, actor="tests", **details)


def run_until_quiet() -> None:
    while engine.advance_due():
        pass


def pass_the_lease() -> None:
    clock.advance(timedelta(seconds=100))


def crash_once_at(name: str) -> None:
    def listener(hit: str) -> None:
        if hit == name:
            failpoints.listen(None)
            raise Crash(name)

    failpoints.listen(listener)

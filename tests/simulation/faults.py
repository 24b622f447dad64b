"""What may happen to a call on its way to Azure and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from cloud.sql_failures import SqlFailure
from simulator.azure import Azure
from simulator.faults import FaultKind, FaultRule
from tests.simulation.dice import Dice

Call = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """`rule` makes the simulator misbehave at the next request; `number` is how SQL says the same."""

    name: str
    rule: Callable[[], FaultRule] | None = None
    number: int | None = None
    is_lost: bool = False
    is_silent: bool = False
    writes_only: bool = False


def _status(status: int, code: str, retry_after: int | None = None) -> Callable[[], FaultRule]:
    return lambda: FaultRule(FaultKind.STATUS, status=status, code=code, retry_after=retry_after)


FAULTS = (
    Fault("none"),
    Fault("429", _status(429, "TooManyRequests", 17), number=10928),
    Fault("500", _status(500, "InternalServerError"), number=40197),
    Fault("503", _status(503, "ServiceTemporarilyUnavailable"), number=40613),
    Fault("no answer", is_silent=True),
    Fault("lost reply", is_lost=True),
    Fault("409", _status(409, "AnotherOperationInProgress"), writes_only=True),
    Fault("slow operation", lambda: FaultRule(FaultKind.SLOW_OPERATION, seconds=400.0), writes_only=True),
    Fault("stuck operation", lambda: FaultRule(FaultKind.STUCK_OPERATION), writes_only=True),
    Fault("failed operation", lambda: FaultRule(FaultKind.FAILED_OPERATION), writes_only=True),
    Fault("not found for a while", lambda: FaultRule(FaultKind.NOT_FOUND_AFTER, seconds=60.0), writes_only=True),
)
RATES = (0.0, 0.04, 0.15)


class Weather:
    """Which faults this run knows, and how often one strikes; some runs know few, which then strike more clearly."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._known = [None, *(f for f in FAULTS[1:] if dice.chance(f"weather: {f.name}", 0.5))]
        self._rate = RATES[dice.draw("weather: how bad", (1.0, 2.0, 2.0))]

    def fault(self, who: str, name: str) -> Fault:
        """What strikes this call; nearly always nothing."""
        known = [f for f in self._known[1:] if f is not None and _fits(f, name)]
        share = self._rate / len(known) if known else 0.0
        index = self._dice.draw(f"{who} meets", (1.0 - share * len(known), *(share for _ in known)))
        return known[index - 1] if index else FAULTS[0]


def is_sql(name: str) -> bool:
    return name.startswith("SQL ")


def strike(fault: Fault, azure: Azure, name: str, call: Call) -> Any:
    """Make the call, as the fault has it."""
    if fault.is_silent:
        raise _silence(name)
    if fault.number is not None and is_sql(name):
        raise SqlFailure("refused", number=fault.number, severity=16)
    if fault.rule is not None:
        azure.faults.add(fault.rule())
    answer = call()
    if fault.is_lost:
        raise _silence(name)
    return answer


def _fits(fault: Fault, name: str) -> bool:
    if is_sql(name):
        return fault.number is not None or fault.is_lost or fault.is_silent
    return not fault.writes_only or (name.startswith(("PUT ", "PATCH ", "DELETE ")) and "vault" not in name)


def _silence(name: str) -> Exception:
    if is_sql(name):
        return SqlFailure("timed out", unreachable=True)
    return requests.exceptions.ReadTimeout("The read timed out.")

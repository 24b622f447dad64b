"""Faults on demand: rules that match requests, by count or by rate."""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from simulator.clock import Clock
from simulator.control_values import MUCH, number_of, whole_of
from simulator.http import Request, Response, answer


class FaultKind(StrEnum):
    """What happens to a request that a rule takes.

    STATUS: refused with a status and a code, no effect. TIMEOUT: no effect and no answer. LOST_REPLY: the effect
    happens, the answer does not arrive. SLOW_OPERATION, STUCK_OPERATION, FAILED_OPERATION: accepted, then slower,
    without end, or failing. NOT_FOUND_AFTER: a write succeeds, and reads of it answer 404 for some seconds.
    """

    STATUS = "status"
    TIMEOUT = "timeout"
    LOST_REPLY = "lost_reply"
    SLOW_OPERATION = "slow_operation"
    STUCK_OPERATION = "stuck_operation"
    FAILED_OPERATION = "failed_operation"
    NOT_FOUND_AFTER = "not_found_after"


OPERATION_KINDS = frozenset({FaultKind.SLOW_OPERATION, FaultKind.STUCK_OPERATION, FaultKind.FAILED_OPERATION})


WRITES_ONLY = OPERATION_KINDS | {FaultKind.NOT_FOUND_AFTER}


_WHOLE = {"status": (200, 599), "count": (1, 10**9), "retry_after": (0, 10**9)}
_OPTIONAL = ("count", "retry_after")
_NUMBERS = {"rate": 1.0, "seconds": MUCH, "hang_seconds": MUCH}
_TEXTS = ("service", "method", "code", "message")


class BadRule(ValueError):
    """The rule's document cannot be understood; the text says why."""


@dataclass(slots=True)
class FaultRule:
    """One rule. `count` is how often it still acts (None: always); `rate` is the chance that it acts on a match.

    `seconds` is simulated: how much longer an operation takes, or how long a written resource is not found.
    `retry_after` and `hang_seconds` are real seconds, as a client feels them.
    """

    kind: FaultKind
    service: str = ""
    method: str = ""
    path: re.Pattern[str] = field(default_factory=lambda: re.compile(""))
    count: int | None = 1
    rate: float = 1.0
    status: int = 500
    code: str = "InternalServerError"
    message: str = "An unexpected error occurred while processing the request."
    retry_after: int | None = None
    seconds: float = 600.0
    hang_seconds: float = 0.0
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    acted: int = 0

    def matches(self, service: str, method: str, path: str) -> bool:
        return (
            self.count != 0
            and (self.kind not in WRITES_ONLY or method not in ("GET", "HEAD"))
            and self.service in ("", service)
            and self.method in ("", method)
            and self.path.search(path) is not None
        )

    def document(self) -> dict[str, Any]:
        names = ("id", "kind", "service", "method", "count", "rate", "status", "code", "message")
        rest = ("retry_after", "seconds", "hang_seconds", "acted")
        return {"path": self.path.pattern, **{name: getattr(self, name) for name in names + rest}}


def rule_of(document: Mapping[str, Any]) -> FaultRule:
    """A rule from its JSON; raises BadRule. With a rate the count is unlimited unless given."""
    if not isinstance(document, Mapping):
        raise BadRule("A rule is an object.")
    allowed = set(FaultRule.__slots__) - {"id", "acted"}
    if unknown := set(document) - allowed:
        raise BadRule(f"Unknown fields: {sorted(unknown)}. Known: {sorted(allowed)}.")
    values = dict(document)
    try:
        values["kind"] = FaultKind(values["kind"])
        values["path"] = re.compile(values.get("path", ""), re.IGNORECASE)
    except (KeyError, ValueError, TypeError, re.error) as error:
        raise BadRule(
            f"kind must be one of {[kind.value for kind in FaultKind]}, path a regular expression: {error}"
        ) from error
    if "rate" in values:
        values.setdefault("count", None)
    _check(values)
    values["method"] = values.get("method", "").upper()
    return FaultRule(**values)


def _check(values: Mapping[str, Any]) -> None:
    """Raises BadRule for a field that would break the requests which the rule takes."""
    try:
        for name, (low, high) in _WHOLE.items():
            if name in values and (values[name] is not None or name not in _OPTIONAL):
                whole_of(name, values[name], low=low, high=high)
        for name, highest in _NUMBERS.items():
            if name in values:
                number_of(name, values[name], high=highest)
    except ValueError as error:
        raise BadRule(str(error)) from error
    if texts := [name for name in _TEXTS if not isinstance(values.get(name, ""), str)]:
        raise BadRule(f"{', '.join(texts)}: texts are expected.")


class Faults:
    """The rules in force, oldest first; the first that matches and draws true acts."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self._clock = clock
        self._random = random.Random(f"faults:{seed}")  # noqa: S311 - a seeded draw, not a secret
        self._rules: list[FaultRule] = []
        self._hidden_until: dict[str, float] = {}

    def add(self, rule: FaultRule) -> FaultRule:
        self._rules.append(rule)
        return rule

    def clear(self) -> None:
        self._rules.clear()
        self._hidden_until.clear()

    def documents(self) -> list[dict[str, Any]]:
        return [rule.document() for rule in self._rules]

    def take(self, service: str, method: str, path: str) -> FaultRule | None:
        """The rule that acts on this request, counted down; None nearly always."""
        for rule in self._rules:
            if rule.matches(service, method, path) and self._random.random() < rule.rate:
                rule.acted += 1
                if rule.count is not None:
                    rule.count -= 1
                return rule
        return None

    def hide(self, path: str, seconds: float) -> None:
        """Reads of the path answer 404 for so many simulated seconds."""
        self._hidden_until[path.lower()] = self._clock.now() + seconds

    def is_hidden(self, request: Request) -> bool:
        if not self._hidden_until or request.method != "GET":
            return False
        return self._hidden_until.get(request.path.lower(), 0.0) > self._clock.now()


def refused(rule: FaultRule) -> Response:
    """The answer of a STATUS rule."""
    headers = {} if rule.retry_after is None else {"retry-after": str(rule.retry_after)}
    return answer(rule.status, {"error": {"code": rule.code, "message": rule.message}}, headers)


def silence(rule: FaultRule) -> Response:
    """No answer: the connection stays open for `hang_seconds`, then closes."""
    return Response(0, hang_seconds=rule.hang_seconds, cut=True)

"""Every place at which a run may be struck: failpoints of the engine and calls to the outside, by stable names."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import connection

Strike = Callable[["Hit", Callable[[], Any]], Any]

NAMES = (
    (re.compile(r"/[0-9a-f-]{36}/v2\.0/\S*"), "/openid"),
    (re.compile(r"/[0-9a-f-]{36}/oauth2/v2\.0/token"), "/token"),
    (re.compile(r"/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/ ]+"), "/group"),
    (re.compile(r"/providers/Microsoft\.Sql"), ""),
    (re.compile(r"(AsyncOperation|OperationResults)/.*"), r"\1"),
    (re.compile(r"replicationLinks/[0-9a-f-]{36}"), "replicationLinks/L"),
    (re.compile(r"servers/[^/ ]+"), "servers/S"),
    (re.compile(r"\b([dpsw])-[a-z2-7]{26}"), r"\1-X"),
    (re.compile(r"/[0-9a-f]{32}\b"), "/version"),
    (re.compile(r"\b(localhost|vault\.vault\.localhost)(?=/)"), ""),
)


SAME_AS_ANOTHER = frozenset({"claim.before", "act.before", "act.after"})
"""Between each of these and its neighbour nothing is stored and nothing is sent: to strike here is to strike there."""


@dataclass(frozen=True, slots=True, order=True)
class Hit:
    """A failpoint or a call, after the step that was last worked on: the first time that a run comes by."""

    name: str
    after: str
    is_call: bool

    def __str__(self) -> str:
        return f"{self.name} [{self.after}]"

    @property
    def is_sql(self) -> bool:
        return self.name.startswith("SQL ")

    @property
    def is_sign_in(self) -> bool:
        return self.name.removesuffix(" again").endswith(("/openid", "/token"))

    @property
    def is_vault_call(self) -> bool:
        return self.is_call and " /secrets/" in self.name

    @property
    def is_vault_write(self) -> bool:
        return self.is_vault_call and not self.name.startswith("GET ")

    @property
    def is_arm_write(self) -> bool:
        return self.is_call and self.name.startswith(("PUT /group", "PATCH /group", "DELETE /group", "POST /group"))

    @property
    def is_arm_put(self) -> bool:
        return self.is_call and self.name.startswith("PUT /group/")


@dataclass
class Tripwire:
    """Sees all that a run passes. Strikes once, at `target`; what happens meanwhile is not watched."""

    target: Hit | None = None
    strike: Strike | None = None
    seen: dict[Hit, None] = field(default_factory=dict)
    struck: bool = False
    _busy: bool = False
    _after: str = "begin"

    def point(self, name: str) -> None:
        """Listens at the failpoints."""
        self._pass(name, is_call=False, call=lambda: None)

    def around(self, name: str, call: Callable[[], Any]) -> Any:
        """Listens around the calls to the outside."""
        assert not connection.in_atomic_block, "a transaction is open across a call to the outside"
        return self._pass(name, is_call=True, call=call)

    def _pass(self, name: str, *, is_call: bool, call: Callable[[], Any]) -> Any:
        if self._busy:
            return call()
        bound = structlog.contextvars.get_contextvars()
        if "step" in bound:
            self._after = f"{bound['kind']}.{bound['step']}"
        hit = self._hit(shortened(name) if is_call else name, is_call=is_call)
        if name not in SAME_AS_ANOTHER:
            self.seen[hit] = None
        if hit != self.target or self.struck or self.strike is None:
            return call()
        self.struck = self._busy = True
        try:
            return self.strike(hit, call)
        finally:
            self._busy = False

    def _hit(self, name: str, *, is_call: bool) -> Hit:
        """A write that is repeated in one step is a place of its own: Key Vault's first answer is a challenge only."""
        hit = Hit(name, self._after, is_call)
        again = Hit(f"{name} again", self._after, is_call)
        return again if hit in self.seen and name.startswith(("PUT ", "PATCH ", "POST ", "DELETE ")) else hit


def shortened(name: str) -> str:
    """The name of a call without what differs from run to run."""
    for pattern, short in NAMES:
        name = pattern.sub(short, name)
    return name

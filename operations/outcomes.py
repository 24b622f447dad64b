"""What a step may answer. Waiting is an outcome, never an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

END = "(end)"
"""As `Next.to`: nothing is left to do, whatever steps come after."""
TOO_LATE = "too_late_to_undo"
"""As a choice: a cancel was obeyed, but what had begun could not be taken back, so that the operation goes on to its end."""
UNDONE = "(undone)"
"""As `Next.to`: what had begun has been taken back, and the operation ends as cancelled."""


@dataclass(frozen=True, slots=True)
class Next:
    """Go on: with the next step, the one named `to`, to the END, or to UNDONE. `choices` are saved for later steps."""

    choices: Mapping[str, Any] = field(default_factory=dict)
    to: str = ""
    poll_url: str | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again after `seconds`, or as soon as something wakes those who wait `on` a key (a resource or an operation)."""

    seconds: float
    on: str = ""
    reason: str = ""
    choices: Mapping[str, Any] = field(default_factory=dict)
    poll_url: str | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A human must decide: the operation keeps its target and locks, and raises an alert."""

    code: str
    message: str


Outcome = Next | Wait | Ask


class StepError(Exception):
    """A step cannot go on. `transient`: the same step may succeed later, after `retry_after` seconds if given.

    Not transient: the operation fails with `code` and `message`, which its owner reads.
    """

    def __init__(self, code: str, message: str, *, transient: bool = False, retry_after: float | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.transient = transient
        self.retry_after = retry_after

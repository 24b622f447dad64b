"""One look at a long-running operation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PollState(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True)
class Poll:
    """One look at a long-running operation. `code` and `message` are Azure's when it failed or was cancelled.

    FORGOTTEN: Azure no longer knows the operation (it keeps them for about a day); only the resource can tell.
    """

    state: PollState
    code: str = ""
    message: str = ""
    retry_after: float | None = None

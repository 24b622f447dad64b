"""What the engine refuses, each with a stable code for API and log."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from operations.models import Operation


class OperationRefused(Exception):
    """The engine does not do this; nothing has changed."""

    code = "OperationRefused"


class OperationInProgress(OperationRefused):
    """The target is being changed by another operation."""

    code = "OperationInProgress"

    def __init__(self, operation: Operation | None) -> None:
        super().__init__("Another operation is changing this resource.")
        self.operation = operation


class TooLateToCancel(OperationRefused):
    """The operation is past its point of no return, or over."""

    code = "TooLateToCancel"


class NoAttentionNeeded(OperationRefused):
    """Only an operation that needs attention waits for an operator's decision."""

    code = "NoAttentionNeeded"


class StepNotSkippable(OperationRefused):
    """The present step cannot be left out."""

    code = "StepNotSkippable"


class QuotaExhausted(OperationRefused):
    """The quota has no room for this reservation."""

    code = "QuotaExhausted"

    def __init__(self, key: str, limit: int) -> None:
        super().__init__(f"No room in {key}: the limit is {limit}.")
        self.key = key
        self.limit = limit


class DatabaseBusy(Exception):
    """PostgreSQL gave up on a transaction of ours (deadlock, lock or statement timeout): the same may succeed later."""

    code = "DatabaseBusy"
    transient = True
    retry_after = None

    def __init__(self) -> None:
        super().__init__("The control plane's database was busy.")

"""What Azure itself says of a change of a database that runs, or ran lately; and how one is stopped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cloud.protocols import ServerRef


class RunState(StrEnum):
    """Azure's states of a database's operation (contract of 2025-01-01), both spellings of the last accepted."""

    PENDING = "Pending"
    RUNNING = "InProgress"
    CANCELLING = "CancelInProgress"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"

    @property
    def goes_on(self) -> bool:
        return self in (RunState.PENDING, RunState.RUNNING, RunState.CANCELLING)


class Phase(StrEnum):
    """Phases of a conversion to Hyperscale, in order (contract of 2025-01-01). Another word than these may come."""

    LOG = "LogTransitionInProgress"
    COPYING = "Copying"
    BUILDING = "BuildingHyperscaleComponents"
    CATCHING_UP = "Catchup"
    WAITING = "WaitingForCutover"
    CUTTING_OVER = "CutoverInProgress"


@dataclass(frozen=True, slots=True)
class DatabaseRun:
    """One operation of a database or of a pool. `id` is the x-ms-request-id of the request that began it. `phase` is empty
    where Azure tells none. `percent` is 0, 50 or 100 only (sys.dm_operation_status says so); `expected_end_at` None: not
    told."""

    id: str
    kind: str
    state: RunState
    phase: str
    percent: int
    started_at: datetime | None
    expected_end_at: datetime | None
    can_be_cancelled: bool
    error: str = ""


class SqlRuns(Protocol):
    """The part of `SqlManagement` about operations of a database."""

    def list_runs(self, server: ServerRef, database: str) -> list[DatabaseRun]:
        """Those that Azure remembers (about a day), oldest first; raises Missing when the database is not there."""
        ...

    def list_pool_runs(self, server: ServerRef, pool: str) -> list[DatabaseRun]:
        """The same of a pool, for which Azure tells no phase; raises Missing when the pool is not there."""
        ...

    def cancel_run(self, server: ServerRef, database: str, run_id: str) -> None:
        """Ask Azure to stop it. Raises Rejected (CannotCancelOperation) where it is over or past stopping."""
        ...

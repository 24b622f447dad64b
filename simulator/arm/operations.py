"""Long-running operations: started by a request, finished by the clock.

Moves: InProgress → Succeeded | Failed | CancelInProgress; CancelInProgress → Canceled. What is due is settled before
each request, so no timer is needed and moving the clock is enough.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.clock import Clock
from simulator.store import Store

KIND = "operations"
KEPT_SECONDS = 86_400.0
CANCEL_SECONDS = 15.0
CANCELLED = {"code": "OperationCancelled", "message": "The operation has been cancelled by user."}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `kind` names its poll URL (server, elasticPool, …), `word` is Azure's name for it.

    `due` is None while it is stuck; `error` on a running one means that it will fail; `effect` is what its end needs.
    """

    id: str
    kind: str
    word: str
    target: str
    subscription: str
    group: str
    location: str
    started: float
    due: float | None
    status: str = "InProgress"
    error: Mapping[str, str] | None = None
    effect: dict[str, Any] = field(default_factory=dict)
    retry_after: int = 15
    method: str = "PUT"

    @property
    def running(self) -> bool:
        return self.status in ("InProgress", "CancelInProgress")

    @property
    def stage_at(self) -> float | None:
        """When its next stage begins; stages are `effect["stages"]`: names, each with seconds before the end."""
        stages = self.effect.get("stages")
        return self.due - stages[0][1] if stages and self.due is not None and self.status == "InProgress" else None


End = Callable[[Operation], None]
Pass = Callable[[Operation], Operation]


class Operations:
    """All operations, those in progress by target and by due time."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._succeed: dict[tuple[str, str], End] = {}
        self._undo: dict[tuple[str, str], End] = {}
        self._pass: dict[tuple[str, str], Pass] = {}
        self.beside: Callable[[], None] = lambda: None  # what else is due by the clock
        self._busy: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._heap: list[tuple[float, str]] = []
        for _, document in store.items(KIND):
            operation = Operation(**document)
            self._schedule(operation)
            self._count(operation, 1 if operation.running else 0)

    def when_done(self, kind: str, word: str, succeed: End, undo: End | None = None) -> None:
        """What the end of such operations changes, and what takes back a failed or cancelled one."""
        self._succeed[kind, word] = succeed
        self._undo[kind, word] = undo or (lambda _: None)

    def when_passed(self, kind: str, word: str, begin: Pass) -> None:
        """What the beginning of a stage changes; it gives the operation as it goes on."""
        self._pass[kind, word] = begin

    def get(self, operation_id: str) -> Operation | None:
        document = self._store.get(KIND, operation_id.lower())
        return Operation(**document) if document else None

    def running_on(self, target: str) -> Operation | None:
        """The operation in progress on exactly this resource."""
        found = self._busy.get(target.lower())
        return self.get(found) if found else None

    def start(self, operation: Operation) -> None:
        self._keep(operation)
        self._schedule(operation)
        self._count(operation, 1)

    def count(self, what: str) -> int:
        """How many operations in progress count as `what`: their region (`subscription/location`), or their `counts`."""
        return self._counts[what]

    def cancel(self, operation: Operation) -> None:
        due = self._clock.now() + CANCEL_SECONDS
        cancelling = replace(operation, status="CancelInProgress", error=CANCELLED, due=due)
        self._keep(cancelling)
        self._schedule(cancelling)

    def resume(self, operation: Operation) -> None:
        """Go on with what was held, as it is given here."""
        self._keep(operation)
        self._schedule(operation)

    def interrupt(self, operation: Operation) -> None:
        """Cancelled at once by another operation on the same resource, which goes on from here."""
        ended = replace(operation, status="Canceled", error=CANCELLED, due=self._clock.now())
        self._busy.pop(operation.target, None)
        self._count(operation, -1)
        self._keep(ended)
        heapq.heappush(self._heap, ((ended.due or 0.0) + KEPT_SECONDS, ended.id))

    def settle(self) -> None:
        """End what is due by now, in order."""
        now = self._clock.now()
        while self._heap and self._heap[0][0] <= now:
            due, operation_id = heapq.heappop(self._heap)
            operation = self.get(operation_id)
            if operation is None:
                continue
            if not operation.running:
                self._forget(operation, due)
            elif operation.due == due:
                self._end(operation)
            elif operation.stage_at == due:
                self._next_stage(operation)
        self.beside()

    def _forget(self, operation: Operation, due: float) -> None:
        """A day after its end; an end that a cancellation put off is not one."""
        if due >= (operation.due or 0.0) + KEPT_SECONDS:
            self._store.delete(KIND, operation.id)

    def all_running(self) -> list[Operation]:
        return [operation for operation in map(self.get, self._busy.values()) if operation]

    def next_due(self) -> float | None:
        """When the next running operation ends; None when nothing runs that ever ends."""
        while self._heap:
            due, operation_id = self._heap[0]
            operation = self.get(operation_id)
            if operation is not None and operation.running and due in (operation.due, operation.stage_at):
                return due
            if operation is not None and not operation.running:
                return min((one.due for one in self.all_running() if one.due is not None), default=None)
            heapq.heappop(self._heap)
        return None

    def of_target(self, target: str) -> list[Operation]:
        """Operations on this resource that are still remembered, oldest first."""
        key = target.lower()
        return [Operation(**document) for _, document in self._store.items(KIND) if document["target"] == key]

    def _end(self, operation: Operation) -> None:
        is_cancelled = (
            operation.status == "CancelInProgress" or (operation.error or {}).get("code") == CANCELLED["code"]
        )
        status = "Canceled" if is_cancelled else "Failed" if operation.error else "Succeeded"
        finished = replace(operation, status=status)
        self._busy.pop(operation.target, None)
        self._count(operation, -1)
        self._keep(finished)
        heapq.heappush(self._heap, ((operation.due or 0.0) + KEPT_SECONDS, operation.id))
        (self._succeed if status == "Succeeded" else self._undo)[operation.kind, operation.word](finished)

    def _next_stage(self, operation: Operation) -> None:
        (stage, _), *stages = operation.effect["stages"]
        effect = {**operation.effect, "stage": stage, "stages": stages, "stage_since": operation.stage_at}
        passed = replace(operation, effect=effect)
        self.resume(self._pass[operation.kind, operation.word](passed))

    def _count(self, operation: Operation, difference: int) -> None:
        if not difference:
            return
        region = f"{operation.subscription.lower()}/{operation.location}"
        for what in (region, *operation.effect.get("counts", ())):
            self._counts[what] += difference
            if not self._counts[what]:
                del self._counts[what]

    def _schedule(self, operation: Operation) -> None:
        if operation.running:
            self._busy[operation.target] = operation.id
        if operation.due is not None:
            due = operation.due if operation.running else operation.due + KEPT_SECONDS
            heapq.heappush(self._heap, (due, operation.id))
        if operation.stage_at is not None:
            heapq.heappush(self._heap, (operation.stage_at, operation.id))

    def _keep(self, operation: Operation) -> None:
        self._store.put(KIND, operation.id, {name: getattr(operation, name) for name in Operation.__slots__})

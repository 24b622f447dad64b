"""The effects ledger: every change that the simulator made, in order, for tests to count."""

from __future__ import annotations

from collections import Counter
from typing import Any

from simulator.clock import Clock
from simulator.moments import iso
from simulator.store import Document, Store

KIND = "effects"


class Ledger:
    """Append only. `counts` tells how often each operation happened."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.counts: Counter[str] = Counter(entry["operation"] for entry in store.table(KIND).values())

    def add(
        self, *, method: str, resource: str, operation: str, who: str, request_id: str, client_request_id: str
    ) -> None:
        entry: Document = {
            "time": iso(self._clock.now()),
            "method": method,
            "id": resource,
            "operation": operation,
            "who": who,
            "request_id": request_id,
            "client_request_id": client_request_id,
        }
        self._store.put(KIND, str(len(self) + 1), entry)
        self.counts[operation] += 1

    def __len__(self) -> int:
        return len(self._store.table(KIND))

    def entries(self, after: int = 0) -> list[dict[str, Any]]:
        """Effects numbered above `after`, each with its number."""
        table = self._store.table(KIND)
        return [{"number": int(number), **entry} for number, entry in table.items() if int(number) > after]

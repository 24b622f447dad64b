"""A transaction's view of the store: its own writes on top, nothing of them outside before commit."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.clock import Clock
from simulator.store import Document, Store
from simulator.tds.history import remember


class Overlay:
    """Outside a transaction writes go straight to the store; a killed process loses its open transactions."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._pending: dict[tuple[str, str], Document | None] = {}
        self.depth = 0  # @@TRANCOUNT
        self.rolled_back = False  # how the last transaction ended

    def get(self, kind: str, key: str) -> Document | None:
        if (kind, key) in self._pending:
            return self._pending[kind, key]
        return self._store.get(kind, key)

    def items(self, kind: str, prefix: str) -> Iterator[tuple[str, Document]]:
        merged = dict(self._store.items(kind, prefix))
        for (pending_kind, key), document in self._pending.items():
            if pending_kind == kind and key.startswith(prefix):
                if document is None:
                    merged.pop(key, None)
                else:
                    merged[key] = document
        return iter(merged.items())

    def put(self, kind: str, key: str, document: Document) -> None:
        if self.depth:
            self._pending[kind, key] = document
        else:
            self._write(kind, key, document)

    def delete(self, kind: str, key: str) -> None:
        if self.depth:
            self._pending[kind, key] = None
        else:
            self._write(kind, key, None)

    def begin(self) -> None:
        self.depth += 1

    def commit(self) -> None:
        """Inner commits only count; the outermost writes."""
        self.depth -= 1
        if self.depth:
            return
        self.rolled_back = False
        pending, self._pending = self._pending, {}
        for (kind, key), document in pending.items():
            self._write(kind, key, document)

    def _write(self, kind: str, key: str, document: Document | None) -> None:
        remember(self._store, kind, key, self._clock.now())
        if document is None:
            self._store.delete(kind, key)
        else:
            self._store.put(kind, key, document)

    def rollback(self) -> None:
        """Undo everything, however deep."""
        self.depth = 0
        self.rolled_back = True
        self._pending.clear()

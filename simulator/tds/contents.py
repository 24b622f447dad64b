"""What a database holds, as one thing: copied for a copy or a restore, forgotten when nothing can bring it back."""

from __future__ import annotations

from math import inf

from simulator.tds.directory import KINDS, Directory, forget_database
from simulator.tds.history import as_of


class DatabaseContents:
    """Users, rights, schemas and tables by databaseId. They outlive a drop, so that the database can be restored."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def copy(self, source_id: str, target_id: str, until: float | None = None) -> None:
        """Give one database what another holds, or held at the moment `until` (simulated): users with their passwords of
        then, rights, schemas, tables with their rows."""
        store = self._directory.store
        for kind in KINDS:
            for name, document in list(as_of(store, source_id, kind, inf if until is None else until)):
                store.put(kind, f"{target_id}/{name}", document)

    def replace(self, source_id: str, target_id: str) -> None:
        """Make one database hold exactly what another holds, as replication leaves it."""
        store = self._directory.store
        for kind in KINDS:
            for key, _ in list(store.items(kind, prefix=f"{target_id}/")):
                store.delete(kind, key)
        self.copy(source_id, target_id)

    def close(self, database_id: str) -> None:
        """End the sessions of a dropped database."""
        for session in self._directory.sessions.of_database(database_id):
            self._directory.sessions.kill(session.id, database_id=database_id)

    def forget(self, database_id: str) -> None:
        """Drop everything, for good."""
        forget_database(self._directory, database_id)

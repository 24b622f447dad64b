"""What a database holds, as one thing: copied for a copy or a restore, forgotten when nothing can bring it back."""

from __future__ import annotations

from simulator.tds.directory import KINDS, PRINCIPALS, Directory, forget_database


class DatabaseContents:
    """Users, rights, schemas and tables by databaseId. They outlive a drop, so that the database can be restored."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def copy(self, source_id: str, target_id: str, until: float | None = None) -> None:
        """Give one database what another holds; with `until` (simulated) without the users created after it.

        Passwords and tables come as they are now: how they were at that moment is not kept.
        """
        store = self._directory.store
        for kind in KINDS:
            for key, document in store.items(kind, prefix=f"{source_id}/"):
                if until is None or kind != PRINCIPALS or document["created_at"] <= until:
                    store.put(kind, f"{target_id}/{key.partition('/')[2]}", document)

    def close(self, database_id: str) -> None:
        """End the sessions of a dropped database."""
        for session in self._directory.sessions.of_database(database_id):
            self._directory.sessions.kill(session.id, database_id=database_id)

    def forget(self, database_id: str) -> None:
        """Drop everything, for good."""
        forget_database(self._directory, database_id)

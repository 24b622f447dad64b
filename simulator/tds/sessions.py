"""Who is connected: session ids, sys.dm_exec_sessions and KILL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

FIRST_USER_SESSION = 51  # lower ids belong to the engine itself


@dataclass(slots=True)
class SessionRecord:
    """One open connection. `killed` is read before each statement; `hang_up` closes the socket, if there is one."""

    id: int
    database_id: str
    login: str
    host: str
    program: str
    client_address: str
    connected_at: float
    killed: bool = False
    hang_up: Callable[[], None] | None = None


class Sessions:
    """All open sessions of the simulator. Ids are reused only after they have been freed, as SQL Server does."""

    def __init__(self) -> None:
        self._open: dict[int, SessionRecord] = {}

    def open(
        self, database_id: str, *, login: str, host: str, program: str, client_address: str, connected_at: float
    ) -> SessionRecord:
        number = FIRST_USER_SESSION
        while number in self._open:
            number += 1
        record = SessionRecord(number, database_id, login, host, program, client_address, connected_at)
        self._open[number] = record
        return record

    def close(self, record: SessionRecord) -> None:
        if self._open.get(record.id) is record:
            del self._open[record.id]

    def of_database(self, database_id: str) -> Iterator[SessionRecord]:
        return (record for record in list(self._open.values()) if record.database_id == database_id)

    def kill(self, session_id: int, *, database_id: str) -> bool:
        """End a session of this database; False when there is no such session."""
        record = self._open.get(session_id)
        if record is None or record.database_id != database_id:
            return False
        record.killed = True
        self.close(record)
        if record.hang_up:
            record.hang_up()
        return True

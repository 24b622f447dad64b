"""Who is signed in as one of a database's two users, and sending them away."""

from __future__ import annotations

from collections.abc import Sequence

from cloud import factory
from inventory.models import Database
from operations.models import Operation
from rotation.logins import administrator


def open_sessions(operation: Operation, database: Database, user: str) -> Sequence[int]:
    """Ids of the user's sessions, as the database shows them now."""
    with administrator(operation, database) as admin:
        return factory.sql_logins().sessions_of(admin, user)


def end_one_session(operation: Operation, database: Database, user: str) -> bool:
    """End one open session of the user. False when there was none."""
    with administrator(operation, database) as admin:
        found = factory.sql_logins().sessions_of(admin, user)
        if found:
            factory.sql_logins().end_session(admin, found[0])
    return bool(found)

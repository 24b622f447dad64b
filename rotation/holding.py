"""Keeping a database as it is while its credential is worked on."""

from __future__ import annotations

from django.conf import settings

from inventory.models import AuthMode, Database
from inventory.states import Status
from operations import locks
from operations.models import Operation
from operations.outcomes import END, Next, Outcome, Wait

GONE = frozenset({Status.DELETING, Status.DELETED})


def hold_database(operation: Operation, database: Database) -> Outcome:
    """Share the database with others that keep it; its removal waits for us, or we for it, and then nothing is left to do."""
    wish = locks.Lock(database.key, locks.Mode.SHARED, "works on its credential")
    if not locks.request(operation, [wish]):
        on = locks.lock_key(database.key)
        return Wait(settings.LOOK_AGAIN_SECONDS, on=on, reason="Waits for another change of the database.")
    return Next(to=END) if is_gone(database) else Next()


def is_entra_only(database: Database) -> bool:
    """True where no password signs in: its server was made so."""
    return database.server is not None and database.server.auth_mode == AuthMode.ENTRA_ONLY


def is_gone(database: Database) -> bool:
    """True from the moment on at which its removal was accepted."""
    return database.status in GONE

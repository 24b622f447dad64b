"""Somebody wants to know now who is signed in: all users' sessions are counted once, and the numbers kept."""

from __future__ import annotations

from datetime import timedelta

from operations.models import Operation
from operations.outcomes import Next, Outcome
from operations.workflow import Ending, Workflow, signs_in
from rotation import holding, sessions
from rotation.explaining import explained
from rotation.names import SLOTS, user_of
from rotation.revoke import purposes_of
from rotation.targets import database_of


@signs_in
@explained
def count(operation: Operation) -> Outcome:
    """Ask the database, as its server's administrator; nothing is changed there."""
    database = database_of(operation)
    if not holding.is_gone(database):
        for slot in (slot for purpose in purposes_of(database) for slot in SLOTS[purpose]):
            sessions.count_sessions(operation, database, user_of(slot))
    return Next()


def settle(operation: Operation, ending: Ending) -> None:
    """Nothing to write: where counting failed, the older numbers stand with their older moment."""


COUNT_SESSIONS = Workflow(
    kind="count_sessions", settle=settle, steps=(count,), point_of_no_return="count", deadline=timedelta(minutes=15)
)

"""Making due what waits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.db import connection, transaction

from operations.hints import hint_steps
from operations.models import Operation

WAKE = """
WITH waiting AS (
    SELECT id FROM operations_operation
    WHERE waits_on = ANY(%s) AND state IN ('queued', 'running') ORDER BY id FOR UPDATE
)
UPDATE operations_operation o SET woken_at = operations_now(),
       due_at = CASE WHEN lease_until > operations_now() THEN due_at ELSE operations_now() END
FROM waiting WHERE o.id = waiting.id RETURNING o.kind, o.step
"""


def wake(keys: Sequence[str]) -> None:
    """Make due every operation that waits on one of `keys`, once the caller's transaction has committed.

    Only then, in a transaction of its own that locks rows in the order of their ids: whoever ends an operation holds its row,
    and two that wake each other's row would lock each other out. Should the process die in between, those who wait look again
    by themselves. A row that is being worked on keeps its lease and is looked at once more right after (`woken_at`), so that
    no change is missed between a look and its record.
    """
    if keys:
        transaction.on_commit(partial(_wake, list(keys)))


def _wake(keys: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(WAKE, [keys])
        woken = cursor.fetchall()
    if woken:
        hint_steps(set(woken))


def operation_key(operation: Operation) -> str:
    """What an operation waits on while another one has to end first."""
    return f"operation:{operation.pk}"

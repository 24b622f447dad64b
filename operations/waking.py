"""Making due what waits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.db import connection, transaction

from operations.hints import hint_steps
from operations.models import Operation


def wake(keys: Sequence[str]) -> int:
    """Make due every operation that waits on one of `keys`, in the caller's transaction. Returns how many.

    A row that is being worked on keeps its lease and is looked at once more right after (`woken_at`), so that no change is
    missed between a look and its record. Rows are locked in the order of their ids, as everywhere: no circle can form.
    """
    if not keys:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH waiting AS (
                   SELECT id FROM operations_operation
                   WHERE waits_on = ANY(%s) AND state IN ('queued', 'running') ORDER BY id FOR UPDATE
               )
               UPDATE operations_operation o SET woken_at = operations_now(),
                      due_at = CASE WHEN lease_until > operations_now() THEN due_at ELSE operations_now() END
               FROM waiting WHERE o.id = waiting.id RETURNING o.kind, o.step""",
            [list(keys)],
        )
        woken = cursor.fetchall()
    if woken:
        transaction.on_commit(partial(hint_steps, set(woken)))
    return len(woken)


def operation_key(operation: Operation) -> str:
    """What an operation waits on while another one has to end first."""
    return f"operation:{operation.pk}"

"""Shared and exclusive locks on resources, granted oldest first.

All locks of an operation are asked for at once, under an advisory lock of each key taken in key order. So any two
operations stand in the same order in every queue, and no circle of waiting can form.

Who wants something alone stops all who come after him. Behind one who holds it for days (a database that is copied, say) he
would stop them for days: so once his patience is over he gives all that he asked for back, and stands in line anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection

from operations.clock import DatabaseNow
from operations.models import Operation, ResourceLock
from operations.waking import wake

Mode = ResourceLock.Mode


@dataclass(frozen=True, slots=True, order=True)
class Lock:
    """A wish: the key of a resource, how to hold it, and why (people read it)."""

    key: str
    mode: Mode
    reason: str = ""


def request(operation: Operation, wanted: Iterable[Lock]) -> bool:
    """Stand in line for all of `wanted`; True once all are held. Repeat it with the same wishes until it is.

    Call it inside the transaction that records the step.
    """
    wishes = sorted(wanted)
    _enter(wish.key for wish in wishes)
    _step_aside(operation, wishes)
    ResourceLock.objects.bulk_create(
        [ResourceLock(resource_key=w.key, operation=operation, mode=w.mode, reason=w.reason) for w in wishes],
        ignore_conflicts=True,
    )
    for wish in wishes:
        _grant(wish.key)
    return not operation.locks.filter(granted_at__isnull=True).exists()


def release(*operations: Operation) -> None:
    """Give back all locks of these operations and wake those who now hold what they waited for."""
    held = ResourceLock.objects.filter(operation_id__in=[operation.pk for operation in operations])
    keys = sorted(set(held.values_list("resource_key", flat=True)))
    if not keys:
        return
    _enter(keys)
    held.delete()
    granted = [key for key in keys if _grant(key)]
    wake([lock_key(key) for key in granted])


def lock_key(resource_key: str) -> str:
    """What an operation waits on while it stands in line for a resource."""
    return f"lock:{resource_key}"


def _step_aside(operation: Operation, wishes: list[Lock]) -> None:
    """Let those pass who stand behind an exclusive wish that is too old; all of the wishes, so that the order in every queue
    stays the same."""
    if all(wish.mode == Mode.SHARED for wish in wishes):
        return
    patience = timedelta(seconds=settings.LOCK_PATIENCE_SECONDS)
    asked = operation.locks.filter(resource_key__in=[wish.key for wish in wishes])
    if asked.filter(granted_at__isnull=True, requested_at__lt=DatabaseNow() - patience).exists():
        asked.delete()
        wake([lock_key(wish.key) for wish in wishes if _grant(wish.key)])


def _enter(keys: Iterable[str]) -> None:
    """Serialise everybody who touches the queues of these keys, until the transaction ends."""
    with connection.cursor() as cursor:
        for key in keys:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])


def _grant(key: str) -> int:
    """Grant the head of the queue: one exclusive, or every shared one up to the first exclusive."""
    queue = list(ResourceLock.objects.filter(resource_key=key).order_by("id"))
    if not queue:
        return 0
    if queue[0].mode == Mode.EXCLUSIVE:
        head = queue[:1]
    else:
        exclusive = next((i for i, lock in enumerate(queue) if lock.mode == Mode.EXCLUSIVE), len(queue))
        head = queue[:exclusive]
    fresh = [lock.pk for lock in head if lock.granted_at is None]
    return ResourceLock.objects.filter(pk__in=fresh).update(granted_at=DatabaseNow())

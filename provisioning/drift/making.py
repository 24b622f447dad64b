"""What is being made, changed or removed right now, by us: nothing is said about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from operations.models import Operation, ResourceLock


def keys_in_the_making(keys: Collection[str], at: datetime) -> set[str]:
    """Those of `keys` that an operation works on, worked on shortly before the look, or holds alone."""
    working = set(_unsettled(at).filter(target_key__in=keys).values_list("target_key", flat=True))
    alone = ResourceLock.objects.filter(resource_key__in=keys, mode=ResourceLock.Mode.EXCLUSIVE)
    return working | set(alone.values_list("resource_key", flat=True))


def operations_in_the_making(tags: Iterable[Mapping[str, str]], at: datetime) -> set[str]:
    """Ids, among those that the tags name, of operations that work, or worked shortly before the look."""
    named = {found for one in tags if (found := _id(one.get("operation", "")))}
    return {str(pk) for pk in _unsettled(at).filter(pk__in=named).values_list("pk", flat=True)}


def _unsettled(at: datetime) -> QuerySet[Operation]:
    """Azure's listings may lag: what ended within the margin before the look counts as unfinished."""
    margin = timedelta(seconds=settings.DRIFT_SETTLE_SECONDS)
    ended_long_ago = Q(state__in=Operation.TERMINAL, finished_at__lt=at - margin)
    return Operation.objects.exclude(ended_long_ago)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None

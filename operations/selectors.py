"""Questions about operations."""

from __future__ import annotations

from django.db.models import Count, Min, QuerySet

from operations.clock import DatabaseNow
from operations.models import Operation, StepRun

State = Operation.State


def due_operations() -> QuerySet[Operation]:
    """What a worker could claim now, most urgent first."""
    return Operation.objects.filter(
        state__in=Operation.CLAIMABLE, follows__isnull=True, due_at__lte=DatabaseNow()
    ).order_by("priority", "due_at")


def active_operations() -> QuerySet[Operation]:
    return Operation.objects.exclude(state__in=Operation.TERMINAL)


def operations_needing_attention() -> QuerySet[Operation]:
    """Longest stuck first."""
    return Operation.objects.filter(state=State.NEEDS_ATTENTION).order_by("created_at")


def counts_by_state() -> dict[str, int]:
    return dict(Operation.objects.values_list("state").annotate(n=Count("pk")))


def oldest_due_at() -> object:
    """When the row that has waited longest for a worker fell due; None when nothing is due."""
    return due_operations().aggregate(oldest=Min("due_at"))["oldest"]


def step_history(operation: Operation) -> QuerySet[StepRun]:
    return StepRun.objects.filter(operation_id=operation.pk).order_by("started_at")

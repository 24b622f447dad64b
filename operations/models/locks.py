from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from operations.clock import DatabaseNow
from operations.models.operation import Operation


class ResourceLock(models.Model):
    """A wish to hold a pool, server or other key, shared or exclusively; granted oldest first, kept until the end.

    The id gives the order. Granted when nothing older stands in the way; a waiting exclusive stops younger shared ones.
    """

    class Mode(models.TextChoices):
        SHARED = "shared"
        EXCLUSIVE = "exclusive"

    resource_key = models.TextField()
    operation = models.ForeignKey(Operation, models.CASCADE, related_name="locks")
    mode = models.TextField(choices=Mode.choices)
    reason = models.TextField()
    requested_at = models.DateTimeField(db_default=DatabaseNow())
    granted_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["resource_key", "operation"], name="lock_once_per_operation"),
            models.UniqueConstraint(
                fields=["resource_key"],
                condition=Q(mode="exclusive", granted_at__isnull=False),
                name="lock_one_exclusive_holder",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["resource_key", "id"], name="lock_queue")]

    def __str__(self) -> str:
        return f"{self.mode} {self.resource_key}"


class QuotaReservation(models.Model):
    """A share of a quota (servers, vCores of a subscription and region) promised to a running operation."""

    key = models.TextField()
    operation = models.ForeignKey(Operation, models.CASCADE, related_name="reservations")
    amount = models.PositiveIntegerField()
    created_at = models.DateTimeField(db_default=DatabaseNow())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key", "operation"], name="reservation_once_per_operation"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of {self.key}"

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from operations.clock import DatabaseNow
from operations.identifiers import new_id


class OutboxEvent(models.Model):
    """Something that somebody must hear of, written with the change itself; delivery comes later and may repeat."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    sequence = models.BigIntegerField(db_default=models.Func(function="nextval", template="nextval('outbox_sequence')"))
    kind = models.TextField(help_text="E.g. operation.succeeded.")
    target = models.TextField()
    workspace = models.TextField(blank=True, default="")
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=DatabaseNow())
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["sequence"], condition=Q(delivered_at__isnull=True), name="outbox_undelivered"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.target}"
